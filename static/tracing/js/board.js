// A page of figures: its widgets in the grid, and, while it is edited, their layout.
import { localTimes } from "./time_fields.js";
import { draw } from "./widget.js";
import { makeEditable } from "./layout.js";

const data = JSON.parse(document.querySelector("#board-data").textContent);
const board = document.querySelector("[data-board]");
board.append(...data.widgets.map((widget) => draw(widget, data)));
if (board.dataset.layout) {
  makeEditable(board, data.widgets);
}

const form = document.querySelector("[data-board-range]");
localTimes(form);
form.elements.range.addEventListener("change", () => {
  form.querySelector("[data-custom-range]").hidden = form.elements.range.value !== "custom";
});
