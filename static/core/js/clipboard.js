// Copy buttons: <button data-copy="#element-id"> or <button data-copy-text="…">.
import { gettext } from "./i18n.js";
import { toast } from "./toast.js";

/** Put text on the clipboard; plain HTTP pages have no clipboard API, so a hidden field is the second way. */
export async function copyText(text) {
  if (navigator.clipboard && globalThis.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "fw-visually-hidden";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function textOf(button) {
  if (button.dataset.copyText !== undefined) {
    return button.dataset.copyText;
  }
  const source = document.querySelector(button.dataset.copy);
  return source?.value ?? source?.textContent.trim() ?? "";
}

/** Make every copy button of the page work. */
export function bindCopyButtons() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (!button) {
      return;
    }
    event.preventDefault();
    await copyText(textOf(button));
    toast(gettext("Copied."), "ok");
  });
}
