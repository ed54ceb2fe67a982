// The comparison: a row unfolds to how the inputs and outputs of its steps differ.
import { send } from "../../core/js/http.js";
import { gettext } from "../../core/js/i18n.js";
import { el } from "./format.js";

const root = document.querySelector("[data-compare]");

async function unfold(button) {
  const row = button.closest("tr");
  const below = el("tr", "tr-compare__diff");
  const cell = el("td", "", "", { colspan: "5" });
  cell.append(el("div", "fw-spinner", "", { role: "status", "aria-label": gettext("Loading") }));
  below.append(cell);
  row.after(below);
  const query = new URLSearchParams({
    fragment: "diff",
    left: root.dataset.left,
    right: root.dataset.right,
    left_step: button.dataset.leftStep,
    right_step: button.dataset.rightStep,
  });
  try {
    const answer = await send(`?${query}`, { headers: { Accept: "text/html" }, quiet: true });
    // the server's own template: everything that strangers wrote is escaped in it
    cell.innerHTML = await answer.text();
  } catch (error) {
    cell.replaceChildren(el("p", "fw-notice fw-notice--error", error.message));
  }
}

function toggle(button) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  button.firstElementChild.textContent = open ? "chevron_right" : "expand_more";
  if (open) {
    button.closest("tr").nextElementSibling.remove();
  } else {
    unfold(button);
  }
}

root?.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-left-step]");
  if (button) {
    toggle(button);
  }
});

const first = root?.querySelector("button[data-left-step]");
if (first) {
  toggle(first);
}
