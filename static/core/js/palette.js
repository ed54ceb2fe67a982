// The command palette (Ctrl-K): a combobox over pages and objects that the server finds.
import { get } from "./http.js";

const dialog = document.getElementById("palette");
const input = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const empty = dialog.querySelector(".fw-palette__empty");
const WAIT_MS = 150;

let active = -1;
let timer = 0;
let asked = 0;

function option(item, index) {
  const row = document.createElement("li");
  row.id = `palette-option-${index}`;
  row.setAttribute("role", "option");
  row.className = "fw-palette__item";
  const icon = document.createElement("span");
  icon.className = "material-symbols-outlined md-18";
  icon.setAttribute("aria-hidden", "true");
  icon.textContent = item.icon;
  const title = document.createElement("span");
  title.className = "fw-truncate fw-grow";
  title.textContent = item.title;
  const hint = document.createElement("span");
  hint.className = "fw-muted fw-small";
  hint.textContent = item.hint;
  row.append(icon, title, hint);
  row.dataset.url = item.url;
  return row;
}

function mark(index) {
  const rows = [...list.children];
  active = rows.length === 0 ? -1 : (index + rows.length) % rows.length;
  rows.forEach((row, position) => row.setAttribute("aria-selected", String(position === active)));
  if (active >= 0) {
    input.setAttribute("aria-activedescendant", rows[active].id);
    rows[active].scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

async function find() {
  const number = (asked += 1);
  const { items } = await get(`${dialog.dataset.url}?q=${encodeURIComponent(input.value)}`);
  if (number !== asked) {
    return; // an answer to something typed earlier
  }
  list.replaceChildren(...items.map(option));
  empty.hidden = items.length > 0;
  mark(0);
}

function follow(row, newTab) {
  if (!row) {
    return;
  }
  if (newTab) {
    window.open(row.dataset.url, "_blank", "noopener");
  } else {
    location.assign(row.dataset.url);
  }
}

function open() {
  if (dialog.open) {
    return;
  }
  input.value = "";
  dialog.showModal();
  input.focus();
  find();
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, WAIT_MS);
});

input.addEventListener("keydown", (event) => {
  if (event.isComposing) {
    return;
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    mark(active + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    follow(list.children[active], event.ctrlKey || event.metaKey);
  }
});

list.addEventListener("click", (event) => {
  follow(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey);
});

// A click on the backdrop is a click on the dialog itself.
dialog.addEventListener("pointerdown", (event) => {
  if (event.target === dialog) {
    dialog.close();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    open();
  }
});

document.querySelectorAll("[data-open-palette]").forEach((button) => button.addEventListener("click", open));
addEventListener("opencommand", open);
