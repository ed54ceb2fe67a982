// Trying one step alone: example inputs and outputs of earlier steps in, what the step leaves behind out.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { post } from "../../core/js/http.js";
import { button, el } from "./dom.js";

const REFERENCE = /(?:\$\.|\{\{[^}]*?\b)([A-Za-z_][\w-]*)\.([A-Za-z_]\w*)/g;
const NAMESPACES = new Set(["sys", "env", "conversation", "inputs", "loop"]);
// what was tried last, by workflow and step, so that a second try starts where the first ended
const remembered = new Map();

/** Examples to fill in: `inputs` and, by step, the outputs that the text of a step reads. `start`: id of the start node. */
export function examples(text, start) {
  const inputs = {};
  const values = {};
  for (const [, source, name] of text.matchAll(REFERENCE)) {
    if (source === start || source === "inputs") {
      inputs[name] = "";
    } else if (!NAMESPACES.has(source)) {
      (values[source] ??= {})[name] = "";
    }
  }
  return { inputs, values };
}

/** Ask for examples and run a step of the saved draft. step: {workflow, id, text, start}. */
export function tryStep(step) {
  const key = `${step.workflow}/${step.id}`;
  const given = remembered.get(key) ?? examples(step.text, step.start);
  const inputs = area(given.inputs);
  const values = area(given.values);
  const result = el("div", { class: "fw-stack", "aria-live": "polite" });
  const run = el("button", { class: "fw-button fw-button--primary", type: "submit", text: gettext("Run") });
  const dialog = el("dialog", { class: "fw-dialog fw-dialog--wide", "aria-labelledby": "wf-try-title" });
  const form = el("form", {}, [
    el("div", { class: "fw-dialog__head" }, [
      el("h2", {
        class: "fw-dialog__title", id: "wf-try-title", text: interpolate(gettext("Try the step %(id)s"), { id: step.id }),
      }),
    ]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      field(gettext("Inputs of the workflow (JSON)"), inputs),
      field(gettext("Outputs of earlier steps, by step (JSON)"), values),
      result,
    ]),
    el("div", { class: "fw-dialog__foot" }, [button(gettext("Close"), { small: false, onclick: () => dialog.close() }), run]),
  ]);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    run.disabled = true;
    try {
      const body = { inputs: JSON.parse(inputs.value || "{}"), values: JSON.parse(values.value || "{}") };
      remembered.set(key, body);
      result.replaceChildren(el("p", { class: "fw-muted", text: gettext("Working…") }));
      const path = `/api/v1/workflows/${step.workflow}/nodes/${encodeURIComponent(step.id)}/try`;
      show(result, await post(path, body, { quiet: true }));
    } catch (error) {
      const text = error instanceof SyntaxError
        ? interpolate(gettext("Not valid JSON: %(reason)s"), { reason: error.message })
        : [error.message, ...(error.problem?.problems ?? []).map((problem) => problem.message)].join(" ");
      result.replaceChildren(el("div", { class: "fw-notice fw-notice--error", role: "alert", text }));
    } finally {
      run.disabled = false;
    }
  });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (Object.keys(given.inputs).length ? inputs : values).focus();
}

function show(place, run) {
  const failed = run.error !== null && run.error !== undefined;
  place.replaceChildren(
    failed
      ? el("div", { class: "fw-notice fw-notice--error", role: "alert", text: run.error.message ?? JSON.stringify(run.error) })
      : el("pre", { class: "fw-mono fw-small", text: JSON.stringify(run.outputs ?? {}, null, 2) }),
    el("a", { href: `/admin/workflows/runs/${run.id}/`, text: gettext("Watch the run") }),
  );
}

function area(value) {
  const text = JSON.stringify(value, null, 2);
  return el("textarea", { class: "fw-textarea fw-mono", rows: Math.min(10, text.split("\n").length + 1), spellcheck: "false", text });
}

function field(label, input) {
  return el("label", { class: "fw-field" }, [el("span", { class: "fw-field__label", text: label }), input]);
}
