// Forms that ask the rollups: shows the metrics and dimensions that exist for what is counted, and adds lines for filters.
const offered = JSON.parse(document.querySelector("#metrics-offered").textContent);
const view = document.querySelector("[name=view]");

function fit() {
  const known = offered[view.value] ?? { metrics: [], dimensions: [] };
  for (const box of document.querySelectorAll("[data-metric]")) {
    const fits = known.metrics.includes(box.dataset.metric);
    box.hidden = !fits;
    box.querySelector("input").disabled = !fits;
  }
  for (const select of document.querySelectorAll("[data-dimension-select], [data-metric-select]")) {
    const names = "metricSelect" in select.dataset ? known.metrics : known.dimensions;
    for (const option of select.options) {
      option.hidden = option.value !== "" && !names.includes(option.value);
      option.disabled = option.hidden;
    }
    if (select.selectedOptions[0]?.disabled) {
      select.value = [...select.options].find((option) => !option.disabled)?.value ?? "";
    }
  }
}

for (const list of document.querySelectorAll("[data-metric-filters]")) {
  const more = list.querySelector("[data-more-filters]");
  more.addEventListener("click", () => {
    const rows = list.querySelectorAll("[data-metric-filter]");
    const row = rows[rows.length - 1].cloneNode(true);
    row.querySelector("input").value = "";
    row.querySelectorAll("select").forEach((select) => (select.selectedIndex = 0));
    more.before(row);
    row.querySelector("select").focus();
    fit();
  });
}
view.addEventListener("change", fit);
fit();
