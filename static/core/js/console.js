// Entry module of every console page: live times, job bars, confirmations, copy buttons, menus, keyboard.
import { bindCopyButtons } from "./clipboard.js";
import { confirm } from "./dialog.js";
import { gettext } from "./i18n.js";
import { bindJobs } from "./progress.js";
import { keepTimesFresh } from "./time.js";

/** <button|form data-confirm="Question?" data-confirm-label="Delete" data-confirm-danger>: ask before it is sent. */
function bindConfirmations() {
  document.addEventListener("submit", async (event) => {
    const source = event.submitter?.dataset.confirm ? event.submitter : event.target;
    if (!source.dataset?.confirm || source.dataset.confirmed) {
      return;
    }
    event.preventDefault();
    const yes = await confirm({
      title: source.dataset.confirm,
      body: source.dataset.confirmBody ?? "",
      confirmLabel: source.dataset.confirmLabel,
      danger: "confirmDanger" in source.dataset,
    });
    if (yes) {
      source.dataset.confirmed = "yes";
      event.target.requestSubmit(event.submitter);
    }
  });
}

/** <details class="fw-menu"> closes on Escape and when the focus or the pointer goes elsewhere. */
function bindMenus() {
  const closeOthers = (target) => {
    document.querySelectorAll("details.fw-menu[open]").forEach((menu) => {
      if (!menu.contains(target)) {
        menu.open = false;
      }
    });
  };
  document.addEventListener("pointerdown", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") {
      return;
    }
    const menu = document.activeElement?.closest?.("details.fw-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

/** <select data-submit>: choosing sends its form. */
function bindSubmitOnChange() {
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submit]")) {
      event.target.form.requestSubmit();
    }
  });
}

function isTyping(element) {
  return Boolean(element?.closest?.("input, textarea, select, [contenteditable]"));
}

/** "/" goes to the list's own search field, or opens the command palette where there is none. */
function bindSearchKey() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(document.activeElement)) {
      return;
    }
    event.preventDefault();
    const field = document.querySelector("#searchbar, [data-page-search]");
    if (field) {
      field.focus();
    } else {
      globalThis.dispatchEvent(new CustomEvent("opencommand"));
    }
  });
}

/** The theme's scrolled parts have a name for screen readers in English only; they are made when the page is whole. */
function nameScrolledParts() {
  if (globalThis.SimpleBar) {
    globalThis.SimpleBar.defaultOptions.ariaLabel = gettext("Scrollable content");
  }
}

bindConfirmations();
bindCopyButtons();
bindMenus();
bindSubmitOnChange();
bindSearchKey();
bindJobs();
keepTimesFresh();
nameScrolledParts();
