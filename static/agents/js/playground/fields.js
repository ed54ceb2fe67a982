// Labelled controls that write into an object as they are typed in.
import { el } from "../dom.js";

let count = 0;

/** A label above a control. */
export function field(label, control, { help = "", error = null } = {}) {
  control.id ||= `playground-${(count += 1)}`;
  return el("div", { class: "fw-field" }, [
    el("label", { for: control.id, text: label }),
    control,
    help ? el("span", { class: "fw-field__help", text: help }) : null,
    error,
  ]);
}

/** An input for `target[name]`; `changed` is told after each keystroke. */
export function input(target, name, changed, attributes = {}) {
  const node = el("input", { class: "fw-input fw-input--small", ...attributes });
  node.value = target[name] ?? "";
  node.addEventListener("input", () => {
    target[name] = node.value;
    changed();
  });
  return node;
}

/** The same over several lines; grows with its text. */
export function area(target, name, changed, attributes = {}) {
  const node = el("textarea", { class: "fw-textarea playground-area", rows: "1", ...attributes });
  node.value = target[name] ?? "";
  node.addEventListener("input", () => {
    target[name] = node.value;
    changed();
  });
  return node;
}

/** A choice for `target[name]` of [value, title] pairs. A value that is not among them is kept. */
export function select(target, name, choices, changed, attributes = {}) {
  const node = el("select", { class: "fw-select fw-select--small", ...attributes });
  const current = target[name] ?? "";
  const known = choices.some(([value]) => value === current);
  for (const [value, title] of known ? choices : [...choices, [current, current]]) {
    node.append(el("option", { value, text: title }));
  }
  node.value = current;
  node.addEventListener("change", () => {
    target[name] = node.value;
    changed();
  });
  return node;
}

/** A place for a sentence about what is wrong; `show(text)` fills or hides it. */
export function problemLine() {
  const node = el("p", { class: "fw-field__error", role: "alert", hidden: true });
  return {
    node,
    show(text) {
      node.textContent = text;
      node.hidden = !text;
    },
  };
}

/** A part that folds away; `count` stands beside its title. */
export function fold(title, children, { open = false, note = "" } = {}) {
  const mark = el("span", { class: "fw-badge fw-badge--muted", text: note, hidden: !note });
  const node = el("details", { class: "playground-fold", open }, [
    el("summary", {}, [el("span", { text: title }), mark]),
    el("div", { class: "playground-fold__body" }, children),
  ]);
  return {
    node,
    note(text) {
      mark.textContent = text;
      mark.hidden = !text;
    },
  };
}
