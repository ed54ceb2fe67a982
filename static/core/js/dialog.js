// Accessible questions on the native <dialog>: focus is trapped, Escape answers no, focus returns where it was.
import { gettext } from "./i18n.js";

let count = 0;

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function button(label, value, variant = "") {
  const node = element("button", `fw-button ${variant}`.trim(), label);
  node.type = "submit";
  node.value = value;
  return node;
}

function build({ title, body, field, confirmLabel, cancelLabel, danger }) {
  const id = `fw-dialog-${(count += 1)}`;
  const dialog = element("dialog", "fw-dialog");
  dialog.setAttribute("aria-labelledby", `${id}-title`);
  const form = document.createElement("form");
  form.method = "dialog";
  const head = element("div", "fw-dialog__head");
  const heading = element("h2", "fw-dialog__title", title);
  heading.id = `${id}-title`;
  head.append(heading);
  const content = element("div", "fw-dialog__body fw-stack");
  if (body) {
    const text = element("p", "", body);
    text.id = `${id}-body`;
    dialog.setAttribute("aria-describedby", text.id);
    content.append(text);
  }
  if (field) {
    content.append(field);
  }
  const foot = element("div", "fw-dialog__foot");
  const cancel = button(cancelLabel ?? gettext("Cancel"), "");
  cancel.formNoValidate = true;
  foot.append(cancel, button(confirmLabel, "yes", danger ? "fw-button--danger" : "fw-button--primary"));
  form.append(head, content, foot);
  dialog.append(form);
  return dialog;
}

function show(dialog, answer) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(answer(dialog.returnValue === "yes"));
    });
  });
}

/** Ask a yes-or-no question. Resolves to true or false. `danger` marks an act that cannot be undone. */
export function confirm({ title, body = "", confirmLabel, cancelLabel, danger = false }) {
  const label = confirmLabel ?? (danger ? gettext("Delete") : gettext("Confirm"));
  const dialog = build({ title, body, confirmLabel: label, cancelLabel, danger });
  const answer = show(dialog, (yes) => yes);
  if (danger) {
    dialog.querySelector("button[value='']").focus();
  }
  return answer;
}

/** Ask for a line of text (or several with `multiline`). Resolves to the text, or null when cancelled. */
export function prompt({ title, body = "", label, value = "", multiline = false, required = false, confirmLabel }) {
  const field = element("label", "fw-field");
  const input = element(multiline ? "textarea" : "input", multiline ? "fw-textarea" : "fw-input");
  input.value = value;
  input.required = required;
  field.append(element("span", "fw-field__label", label), input);
  const dialog = build({ title, body, field, confirmLabel: confirmLabel ?? gettext("Save") });
  if (!multiline) {
    // Enter in the field must mean yes; the first submit button of the form is Cancel.
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        dialog.querySelector("button[value='yes']").click();
      }
    });
  }
  const answer = show(dialog, (yes) => (yes ? input.value : null));
  input.focus();
  input.select();
  return answer;
}
