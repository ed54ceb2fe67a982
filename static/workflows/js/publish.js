// The publish dialog: name and note in, a version out; the draft's problems are shown where they stop it.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { post } from "../../core/js/http.js";
import { toast } from "../../core/js/toast.js";
import { button, el } from "./dom.js";

/** Ask for a note and publish. settings: {url, revision, next}. Resolves to the version's number, or null. */
export function askToPublish(settings) {
  const name = el("input", { class: "fw-input", name: "name", maxlength: 120, autocomplete: "off" });
  const note = el("textarea", { class: "fw-textarea", name: "note", rows: 3, maxlength: 5000 });
  const trouble = el("div", { class: "fw-notice fw-notice--error", role: "alert", hidden: true });
  const send = el("button", { class: "fw-button fw-button--primary", type: "submit", text: gettext("Publish") });
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "wf-publish-title" });
  const form = el("form", {}, [
    el("div", { class: "fw-dialog__head" }, [
      el("h2", {
        class: "fw-dialog__title", id: "wf-publish-title",
        text: interpolate(gettext("Publish version %(n)s"), { n: settings.next }),
      }),
    ]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      el("p", { text: gettext("From now on API, triggers and other workflows run this version. Runs that go on keep theirs.") }),
      field(gettext("Name"), name),
      field(gettext("What is new"), note),
      trouble,
    ]),
    el("div", { class: "fw-dialog__foot" }, [
      button(gettext("Cancel"), { small: false, onclick: () => dialog.close() }),
      send,
    ]),
  ]);
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let number = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        const body = { name: name.value, note: note.value, revision: settings.revision };
        ({ number } = await post(settings.url, body, { quiet: true }));
        toast(interpolate(gettext("Version %(n)s is published."), { n: number }), "ok");
        dialog.close();
      } catch (error) {
        trouble.hidden = false;
        trouble.textContent = error.message;
        send.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(number);
    });
    dialog.showModal();
    note.focus();
  });
}

function field(label, input) {
  return el("label", { class: "fw-field" }, [el("span", { class: "fw-field__label", text: label }), input]);
}
