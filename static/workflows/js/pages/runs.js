// The list of runs: a websocket says which runs changed, and their rows are asked for again; chosen runs are stopped.
// While there is no websocket, rows that have not ended are asked for every few seconds.
import { subscribe } from "../../../core/js/events.js";
import { interpolate, ngettext } from "../../../core/js/i18n.js";
import { LiveSocket } from "../../../core/js/socket.js";
import { renderTimes } from "../../../core/js/time.js";
import { pageData } from "../dom.js";

const FRESH_MS = 2500;
/** Queued runs and such whose process died say nothing: they are looked at now and then all the same. */
const SLOW_MS = 30000;
const FINAL = new Set(["succeeded", "partial", "failed", "stopped"]);

const data = pageData("wf-data");
const table = document.querySelector("[data-runs]");
const bulk = document.getElementById("wf-bulk");

function openRows() {
  return [...(table?.querySelectorAll("tr[data-run]") ?? [])].filter((row) => !FINAL.has(row.dataset.state));
}

async function refresh(rows = openRows()) {
  if (!rows.length || document.hidden) {
    return;
  }
  const ids = rows.map((row) => row.dataset.run).join(",");
  const response = await fetch(`${data.rows}?rows=${ids}`, { credentials: "same-origin" });
  if (!response.ok) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const row of rows) {
    const next = fresh.querySelector(`tr[data-run="${row.dataset.run}"]`);
    if (next && next.outerHTML !== row.dataset.drawn) {
      take(row, next);
    }
  }
}

/** Take over the cells that change; the row itself stays, with its focus and its checkbox. */
function take(row, next) {
  row.dataset.drawn = next.outerHTML;
  row.dataset.state = next.dataset.state;
  for (const name of ["data-run-state", "data-run-time", "data-run-steps", "data-run-cost"]) {
    row.querySelector(`[${name}]`).replaceChildren(...next.querySelector(`[${name}]`).childNodes);
  }
  const box = row.querySelector("input[name=run]");
  if (box && FINAL.has(next.dataset.state)) {
    box.checked = false;
    box.disabled = true;
    count();
  }
  renderTimes(row);
}

function count() {
  const chosen = table.querySelectorAll("input[name=run]:checked").length;
  bulk.hidden = chosen === 0;
  bulk.querySelector("[data-bulk-count]").textContent = interpolate(
    ngettext("%(n)s run chosen", "%(n)s runs chosen", chosen), { n: chosen },
  );
}

table?.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) {
    table.querySelectorAll("input[name=run]:not(:disabled)").forEach((box) => {
      box.checked = event.target.checked;
    });
  }
  count();
});

let timer = 0;
function poll(every) {
  clearInterval(timer);
  timer = setInterval(() => refresh().catch(() => {}), every);
}

function follow() {
  const ids = () => openRows().map((row) => row.dataset.run).join(",");
  const socket = new LiveSocket(() => `${data.socket}?ids=${ids()}`);
  socket.addEventListener("state", ({ detail }) => {
    poll(detail === "open" ? SLOW_MS : FRESH_MS);
    if (detail === "open") {
      // what happened while there was no connection
      refresh().catch(() => {});
    }
  });
  socket.addEventListener("message", ({ detail }) => {
    if (detail.type === "changed") {
      const changed = new Set(detail.runs);
      refresh(openRows().filter((row) => changed.has(row.dataset.run))).catch(() => {});
    }
  });
}

if (openRows().length) {
  poll(FRESH_MS);
  follow();
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
}

/** Say how many runs were started since the page was drawn; a click draws it anew. */
function announce() {
  const notice = document.querySelector("[data-new-runs]");
  let count = 0;
  subscribe(data.topic, (type, run) => {
    const wanted = (!data.workflow || run.workflow === data.workflow) && (!data.trigger || run.trigger === data.trigger);
    // trials of single nodes stand in no list
    if (type !== "started" || !wanted || (run.trigger === "debug" && data.trigger !== "debug")) {
      return;
    }
    count += 1;
    notice.hidden = false;
    notice.querySelector("[data-new-count]").textContent = interpolate(
      ngettext("%(n)s new run", "%(n)s new runs", count), { n: count },
    );
  });
}

if (data.topic) {
  announce();
}
