// The lists of traces and observations: filter builder, columns, facets, live tail, chosen rows.
import { gettext, interpolate, ngettext } from "../../core/js/i18n.js";
import { renderTimes } from "../../core/js/time.js";
import { bindDialog, openDialog } from "./bulk.js";
import { localTimes } from "./time_fields.js";

const LIVE_MS = 3000;
/** A list is searched on by itself for so long, or until it has as many rows as a page. */
const SEEK_MS = 30_000;
const PAGE_ROWS = 50;
const TYPING_MS = 150;
const FACETS_KEY = "flywheel.explorer.facets";

const data = JSON.parse(document.querySelector("#explorer-data").textContent);
const explorer = document.querySelector("[data-explorer]");
const form = document.querySelector("[data-explorer-form]");

/** The address of this list with changes, and from its first page. */
function go(change) {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...query]) {
    if (!value) {
      query.delete(name);
    }
  }
  change(query);
  location.search = query.toString();
}

async function get(address) {
  const response = await fetch(address, { credentials: "same-origin" });
  return response.ok && !response.redirected ? response.text() : null;
}

function fragment(name, more = {}) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries({ fragment: name, ...more })) {
    query.set(key, value);
  }
  return get(`?${query}`);
}

/** The way on is that of the further step, the way back is that of the first one. */
function keepPages(rows, fresh, upwards) {
  const [on, back] = upwards ? ["prev", "next"] : ["next", "prev"];
  const [before, after] = [rows, fresh].map((place) => place.querySelector("[data-pages]"));
  if (before && after) {
    after.querySelector(`[rel=${back}]`)?.remove();
    after[upwards ? "append" : "prepend"](before.querySelector(`[rel=${back}]`) ?? document.createElement("span"));
  } else if (before) {
    before.querySelector(`[rel=${on}]`)?.remove();
    fresh.append(before);
  }
}

/** Put the rows of a further step to those that are there: below them, or above where the search goes upwards. */
function addRows(rows, html, upwards) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const [table, more] = [rows, fresh.content].map((place) => place.querySelector("[data-table]"));
  const [body, found] = [table, more].map((part) => part?.querySelector("tbody"));
  if (body) {
    body[upwards ? "prepend" : "append"](...(found?.children ?? []));
    if (more) {
      more.replaceWith(table);
    } else {
      fresh.content.replaceChildren(table);
    }
    keepPages(rows, fresh.content, upwards);
  }
  rows.replaceChildren(fresh.content);
  renderTimes(rows);
}

/** What a short search has not found is looked for while the page is there already. */
async function seek() {
  const rows = document.querySelector("[data-rows]");
  const until = Date.now() + SEEK_MS;
  let stopped = false;
  for (;;) {
    const notice = rows.querySelector("[data-seek]");
    if (!notice || stopped || Date.now() > until || rows.querySelectorAll("tr[data-key]").length >= PAGE_ROWS) {
      return;
    }
    notice.classList.add("is-busy");
    notice.removeAttribute("role");
    notice.querySelector("[data-seek-stop]").addEventListener("click", () => {
      stopped = true;
      notice.classList.remove("is-busy");
    });
    const html = await get(notice.dataset.seek);
    notice.classList.remove("is-busy");
    if (html === null || !notice.isConnected) {
      return;
    }
    addRows(rows, html, "upwards" in notice.dataset);
  }
}

function bindRange() {
  localTimes(form);
  const range = document.querySelector("[data-range]");
  range.addEventListener("change", () => {
    const custom = range.value === "custom";
    document.querySelectorAll("[data-custom-range]").forEach((field) => {
      field.hidden = !custom;
    });
    if (custom) {
      document.querySelector("#list-from").focus();
    } else {
      go(() => {});
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(() => {});
  });
}

function option(value, text) {
  const item = document.createElement("option");
  item.value = value;
  item.textContent = text;
  return item;
}

function bindBuilder() {
  const builder = document.querySelector("[data-add-filter]");
  const part = (name) => builder.querySelector(`[data-${name}]`);
  const chosen = () => data.fields.find((field) => field.name === part("field").value);
  part("field").append(...data.fields.map((field) => option(field.name, field.title)));
  const fitValue = () => {
    part("value-field").hidden = data.bare.includes(part("operator").value);
  };
  const fit = () => {
    const kind = chosen().kind;
    part("key-field").hidden = kind !== "json";
    part("operator").replaceChildren(...data.operators[kind].map(([name, title]) => option(name, title)));
    part("value").inputMode = kind === "number" ? "decimal" : "text";
    fitValue();
  };
  part("field").addEventListener("change", fit);
  part("operator").addEventListener("change", fitValue);
  fit();
  builder.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = chosen();
    const operator = part("operator").value;
    const bare = data.bare.includes(operator);
    const key = part("key").value.trim();
    const value = part("value").value.trim();
    if ((field.kind === "json" && !key) || (!bare && !value)) {
      (field.kind === "json" && !key ? part("key") : part("value")).focus();
      return;
    }
    const place = field.kind === "json" ? `${field.name}.${encodeURIComponent(key)}` : field.name;
    go((query) => query.append("f", bare ? `${place}:${operator}` : `${place}:${operator}:${value}`));
  });
}

/** Values that a field had, and keys of a JSON field, are offered while one types. */
function bindSuggestions() {
  const builder = document.querySelector("[data-add-filter]");
  const part = (name) => builder.querySelector(`[data-${name}]`);
  let timer;
  const offer = (input, list) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const key = input === part("key") ? "" : part("key").value.trim();
      const asked = { field: part("field").value, key, typed: input.value.trim() };
      const found = await fragment("values", asked);
      if (found !== null) {
        list.replaceChildren(...JSON.parse(found).values.map((value) => option(value, value)));
      }
    }, TYPING_MS);
  };
  for (const name of ["key", "value"]) {
    const [input, list] = [part(name), part(`${name}-list`)];
    for (const event of ["focus", "input"]) {
      input.addEventListener(event, () => offer(input, list));
    }
  }
}

function bindColumns() {
  const columns = document.querySelector("[data-columns]");
  columns.addEventListener("submit", (event) => {
    event.preventDefault();
    const names = [...columns.querySelectorAll("input:checked")].map((box) => box.value);
    go((query) => query.set("columns", names.join(",")));
  });
}

async function loadFacets() {
  const html = await fragment("facets");
  if (html !== null) {
    document.querySelector("[data-facets]").innerHTML = html;
  }
}

function bindFacets() {
  const toggle = document.querySelector("[data-facets-toggle]");
  let loaded = false;
  const show = (on) => {
    explorer.classList.toggle("is-plain", !on);
    toggle.setAttribute("aria-expanded", String(on));
    localStorage.setItem(FACETS_KEY, on ? "on" : "off");
    if (on && !loaded) {
      loaded = true;
      loadFacets();
    }
  };
  toggle.addEventListener("click", () => show(explorer.classList.contains("is-plain")));
  show(localStorage.getItem(FACETS_KEY) !== "off");
}

/** While it is on, the first page is read again and again; never under the hands of somebody who chooses rows. */
function bindLive() {
  const button = document.querySelector("[data-live]");
  const rows = document.querySelector("[data-rows]");
  let timer;
  const refresh = async () => {
    if (!document.hidden && !rows.querySelector("input:checked")) {
      const html = await fragment("rows", { further: 1 });
      if (html !== null && button.getAttribute("aria-pressed") === "true" && !rows.querySelector("input:checked")) {
        rows.innerHTML = html;
        renderTimes(rows);
      }
    }
    if (button.getAttribute("aria-pressed") === "true") {
      timer = setTimeout(refresh, LIVE_MS);
    }
  };
  button?.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    clearTimeout(timer);
    if (on) {
      refresh();
    }
  });
}

/** Two chosen traces can be looked at beside each other, the older one on the left. */
function fitCompare(boxes) {
  const link = document.querySelector("[data-bulk-compare]");
  if (link) {
    link.hidden = boxes.length !== 2;
    const [newer, older] = boxes.map((box) => box.value);
    link.search = new URLSearchParams({ left: older ?? "", right: newer ?? "" });
  }
}

/** Rows are chosen by their boxes, or all that match; then an action opens its dialog. */
function bindBulk() {
  const bulk = document.querySelector("[data-bulk]");
  const bar = bulk.querySelector("[data-bulk-bar]");
  const scope = bulk.querySelector("[data-bulk-scope]");
  const everything = bulk.querySelector("[data-bulk-everything]");
  const boxes = () => [...bulk.querySelectorAll("input[name=chosen]")];
  const chosen = () => boxes().filter((box) => box.checked).length;
  const fit = () => {
    const number = chosen();
    const all = scope.value === "all";
    bar.hidden = !number && !all;
    const text = ngettext("%(number)s row chosen", "%(number)s rows chosen", number);
    bulk.querySelector("[data-bulk-count]").textContent = all
      ? gettext("Everything that matches is chosen")
      : interpolate(text, { number });
    fitCompare(all ? [] : boxes().filter((box) => box.checked));
    everything.setAttribute("aria-pressed", String(all));
    everything.textContent = all ? gettext("Choose nothing") : gettext("Choose everything that matches");
  };
  const choose = (all) => {
    scope.value = all ? "all" : "";
    boxes().forEach((box) => {
      box.checked = all;
    });
    bulk.querySelector("[data-choose-all]").checked = all;
    fit();
  };
  bulk.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-all]")) {
      boxes().forEach((box) => {
        box.checked = event.target.checked;
      });
    } else if (!event.target.matches("[name=chosen]")) {
      return;
    }
    scope.value = "";
    fit();
  });
  everything.addEventListener("click", () => choose(scope.value !== "all"));
  const open = (name) => {
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    for (const [key, value] of Object.entries({ fragment: "bulk", action: name, scope: scope.value, n: chosen() })) {
      query.set(key, value);
    }
    return openDialog(bulk, `?${query}`);
  };
  bar.addEventListener("click", (event) => {
    const name = event.target.closest("[data-bulk-pick]")?.dataset.bulkPick;
    if (name) {
      bar.querySelector("[data-bulk-more]")?.removeAttribute("open");
      open(name);
    }
  });
  document.querySelector("[data-bulk-export]")?.addEventListener("click", async () => {
    // the button above the list means the list, whatever is ticked below
    const before = scope.value;
    scope.value = "all";
    await open("export");
    bulk.querySelector("[data-bulk-dialog]").addEventListener("close", () => {
      scope.value = before;
    }, { once: true });
  });
  bindDialog(bulk);
  fit();
}

document.querySelector("[data-facets]").setAttribute("aria-label", gettext("Frequent values"));
bindRange();
bindBuilder();
bindSuggestions();
bindColumns();
bindFacets();
bindLive();
bindBulk();
seek();
