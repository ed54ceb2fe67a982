// The list of runs: rows that have not ended are asked for again while the page is in sight; chosen runs are stopped.
import { interpolate, ngettext } from "../../../core/js/i18n.js";
import { renderTimes } from "../../../core/js/time.js";
import { pageData } from "../dom.js";

const FRESH_MS = 2500;
const FINAL = new Set(["succeeded", "partial", "failed", "stopped"]);

const data = pageData("wf-data");
const table = document.querySelector("[data-runs]");
const bulk = document.getElementById("wf-bulk");

function openRows() {
  return [...(table?.querySelectorAll("tr[data-run]") ?? [])].filter((row) => !FINAL.has(row.dataset.state));
}

async function refresh() {
  const rows = openRows();
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

if (openRows().length) {
  setInterval(() => refresh().catch(() => {}), FRESH_MS);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
}
