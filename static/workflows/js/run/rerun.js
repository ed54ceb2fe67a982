// The dialog before a run is repeated: from which step, and with which variables changed.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { button, el } from "../dom.js";

/** Ask and send. Resolves to the server's answer, or null. `path` is the step that is suggested, "" the beginning. */
export function askToRerun({ path, model, titleOf, graph, send }) {
  const steps = [...model.nodes.values()].filter((node) => !graph.nodes.find((one) => one.id === node.id)?.hidden);
  const from = el("select", { class: "fw-select", name: "from" }, [
    el("option", { value: "", text: gettext("The beginning") }),
    ...steps.slice(0, 500).map((node) => el("option", { value: node.path, selected: node.path === path, text: label(node, titleOf) })),
  ]);
  const edited = el("div", { class: "fw-stack fw-stack--small" });
  const add = button(gettext("Change a variable"), { icon: "add", onclick: () => edited.append(row(known)) });
  const known = el("datalist", { id: "wf-rerun-names" }, names(model).map((name) => el("option", { value: name })));
  const trouble = el("div", { class: "fw-notice fw-notice--error", role: "alert", hidden: true });
  const go = el("button", { class: "fw-button fw-button--primary", type: "submit", text: gettext("Run again") });
  const form = el("form", {}, [
    el("div", { class: "fw-dialog__head" }, [el("h2", { class: "fw-dialog__title", id: "wf-rerun-title", text: gettext("Run again") })]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      el("label", { class: "fw-field" }, [
        el("span", { class: "fw-field__label", text: gettext("From") }), from,
        el("span", { class: "fw-field__help", text: gettext("What ended before this step is taken over; this step and all that follow run anew. The earlier run stays as it is.") }),
      ]),
      el("div", { class: "fw-field" }, [
        el("span", { class: "fw-field__label", text: gettext("Changed variables") }),
        el("span", { class: "fw-field__help", text: gettext("A name such as inputs.order, fetch.body or conversation.topic, and its new value as JSON or text.") }),
        edited, known, el("div", {}, [add]),
      ]),
      trouble,
    ]),
    el("div", { class: "fw-dialog__foot" }, [button(gettext("Cancel"), { small: false, onclick: () => dialog.close() }), go]),
  ]);
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "wf-rerun-title" }, [form]);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        answer = await send({ from: from.value, edited: read(edited) });
        dialog.close();
      } catch (error) {
        trouble.hidden = false;
        trouble.textContent = error.message;
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.showModal();
  });
}

function label(node, titleOf) {
  const title = titleOf(node.path);
  return title === node.path ? title : interpolate(gettext("%(title)s (%(path)s)"), { title, path: node.path });
}

function names(model) {
  const found = Object.keys(model.inputs ?? {}).map((name) => `inputs.${name}`);
  for (const node of model.nodes.values()) {
    if (!node.path.includes("/")) {
      found.push(...Object.keys(node.outputs ?? {}).map((name) => `${node.id}.${name}`));
    }
  }
  return [...found, ...model.variables.keys()].slice(0, 300);
}

function row() {
  const line = el("div", { class: "fw-row fw-row--nowrap fw-row--top wf-rerun__row" }, [
    el("input", { class: "fw-input fw-input--small fw-mono", list: "wf-rerun-names", placeholder: "inputs.name", "aria-label": gettext("Name"), required: true }),
    el("textarea", { class: "fw-textarea fw-mono", rows: 2, "aria-label": gettext("Value"), placeholder: gettext("Value") }),
    button("", { icon: "close", variant: "ghost", "aria-label": gettext("Remove"), onclick: () => line.remove() }),
  ]);
  return line;
}

function read(box) {
  const edited = {};
  for (const line of box.querySelectorAll(".wf-rerun__row")) {
    const [name, value] = [line.querySelector("input").value.trim().replace(/^\$\./, ""), line.querySelector("textarea").value];
    if (name) {
      edited[name] = parsed(value);
    }
  }
  return edited;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
