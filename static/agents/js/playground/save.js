// Saving a column as a new version of a prompt.
import { request } from "../../../core/js/http.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { toast } from "../../../core/js/toast.js";
import { el } from "../dom.js";
import { field, problemLine } from "./fields.js";
import { isOneText, promptContent, settingsOf } from "./state.js";

/** What goes along with the prompt: its model by name, parameters, tools and format. */
function configOf(config, column) {
  const model = config.models.find((known) => known.id === column.model);
  return { ...(model ? { model: model.reference } : {}), ...settingsOf(column) };
}

function choose(choices, chosen) {
  const node = el("select", { class: "fw-select" });
  for (const [value, title] of choices) {
    node.append(el("option", { value, text: title, selected: value === chosen }));
  }
  return node;
}

/** Ask for name, labels and what is new, and save. Resolves to the column's new prompt, or null. */
export function saveAsPrompt(config, column) {
  const known = new Map(config.prompts.map((prompt) => [prompt.name, prompt.type]));
  const oneText = isOneText(column);
  const name = el("input", { class: "fw-input", required: true, maxlength: "200", list: "playground-prompts" });
  name.value = column.prompt?.name ?? "";
  const names = el(
    "datalist",
    { id: "playground-prompts" },
    config.prompts.map((prompt) => el("option", { value: prompt.name })),
  );
  const kinds = [
    ["chat", gettext("Messages")],
    ["text", gettext("One text")],
  ];
  const kind = choose(kinds, column.prompt?.type === "text" && oneText ? "text" : "chat");
  const message = el("input", { class: "fw-input", maxlength: "500" });
  const labels = el("input", { class: "fw-input fw-mono", placeholder: "production, staging" });
  const problem = problemLine();
  const pictures = column.messages.some((said) => said.images?.length > 0);

  const cancel = el("button", { type: "button", class: "fw-button", text: gettext("Cancel") });
  const submit = el("button", { type: "submit", class: "fw-button fw-button--primary", text: gettext("Save version") });
  const form = el("form", { method: "dialog" }, [
    el("div", { class: "fw-dialog__head" }, [
      el("h2", { class: "fw-dialog__title", id: "playground-save-title", text: gettext("Save as a prompt") }),
    ]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      field(gettext("Name"), name, {
        help: gettext("A prompt of this name gets a new version. Slashes make folders: support/refunds."),
      }),
      names,
      field(gettext("Type"), kind),
      field(gettext("What is new"), message),
      field(gettext("Labels"), labels, { help: gettext("They move to the new version; separate them by commas.") }),
      pictures ? el("p", { class: "fw-notice fw-notice--warn", text: gettext("Pictures are not kept in prompts.") }) : null,
      problem.node,
    ]),
    el("div", { class: "fw-dialog__foot" }, [cancel, submit]),
  ]);
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "playground-save-title" }, [form]);

  function followName() {
    const type = known.get(name.value.trim());
    kind.disabled = type !== undefined || !oneText;
    kind.value = type ?? (oneText ? kind.value : "chat");
  }

  async function save() {
    const type = kind.value;
    if (type === "text" && !oneText) {
      throw new Error(gettext("This prompt is one text; the column has several messages. Choose another name."));
    }
    const version = await request(config.urls.prompts, {
      quiet: true,
      json: {
        name: name.value.trim(),
        type,
        content: promptContent(column, type),
        config: configOf(config, column),
        labels: labels.value
          .split(",")
          .map((label) => label.trim())
          .filter(Boolean),
        commit_message: message.value,
      },
    });
    toast(interpolate(gettext("Saved %(name)s, version %(n)s."), { name: version.name, n: version.version }), "ok");
    if (!known.has(version.name)) {
      config.prompts.push({ name: version.name, type: version.type });
    }
    return { id: version.prompt_id, name: version.name, version: version.version, type: version.type };
  }

  name.addEventListener("input", followName);
  followName();
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    let saved = null;
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(saved);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        saved = await save();
        dialog.close();
      } catch (error) {
        problem.show(error.message);
      } finally {
        submit.disabled = false;
      }
    });
  });
}
