// The dialog of an action on rows: its inside comes from the server, and is sent with the form it lies in.
import { gettext } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";

/** Open the dialog of `form` with what `address` gives; resolves to whether it opened. */
export async function openDialog(form, address) {
  const dialog = form.querySelector("[data-bulk-dialog]");
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok || response.redirected) {
    toast(gettext("You may not do this. Your session may have ended: reload the page."), "error");
    return false;
  }
  dialog.innerHTML = await response.text();
  dialog.showModal();
  dialog.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  return true;
}

/** Closing and sending: a dialog is sent once, and Enter in a field sends it too. */
export function bindDialog(form) {
  const dialog = form.querySelector("[data-bulk-dialog]");
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-bulk-cancel]")) {
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
  form.addEventListener("submit", (event) => {
    if (form.getAttribute("aria-busy") === "true" || !dialog.open) {
      event.preventDefault();
    } else {
      form.setAttribute("aria-busy", "true");
    }
  });
  addEventListener("pageshow", () => form.removeAttribute("aria-busy"));
}
