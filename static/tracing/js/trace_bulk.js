// The menu of actions on the trace page: for the trace, and for the step that its address names.
import { gettext } from "../../core/js/i18n.js";
import { bindDialog, openDialog } from "./bulk.js";

const menu = document.querySelector("[data-bulk-menu]");
const form = document.querySelector("[data-bulk-trace]");
const list = menu.querySelector(".fw-menu__list");
const address = form.getAttribute("action");

/** The address of the actions, on the trace or on a step. */
function target(step) {
  return step ? `${address}?observation=${step}` : address;
}

async function entries(title, step) {
  const response = await fetch(target(step), { credentials: "same-origin" });
  if (!response.ok || response.redirected) {
    return [];
  }
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", title);
  group.dataset.step = step;
  group.innerHTML = await response.text();
  const head = document.createElement("div");
  head.className = "fw-overline tr-actions__head";
  head.textContent = title;
  group.prepend(head);
  return [group];
}

menu.addEventListener("toggle", async () => {
  if (!menu.open) {
    return;
  }
  const step = /^#([0-9a-f]{16})$/.exec(location.hash)?.[1] ?? "";
  const groups = [entries(gettext("This trace"), "")];
  if (step) {
    groups.push(entries(gettext("The chosen step"), step));
  }
  list.replaceChildren(...(await Promise.all(groups)).flat());
  list.querySelector("button")?.focus();
});
list.addEventListener("click", (event) => {
  const name = event.target.closest("[data-bulk-pick]")?.dataset.bulkPick;
  if (name) {
    const step = event.target.closest("[data-step]").dataset.step;
    menu.open = false;
    form.setAttribute("action", target(step));
    openDialog(form, `${target(step)}${step ? "&" : "?"}action=${encodeURIComponent(name)}`);
  }
});
bindDialog(form);
