// The page of figures: one chart after the other.
import { Chart } from "./chart.js";

const data = JSON.parse(document.querySelector("#analytics-data").textContent);
document.querySelector("[data-charts]").append(...data.charts.map((chart) => new Chart(chart, data).element));
