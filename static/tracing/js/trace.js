// The trace page: steps on the left, the chosen one on the right; the address remembers which.
import { Detail } from "./detail.js";
import { Graph } from "./graph.js";
import { notePanel } from "./note_panel.js";
import { Rows } from "./rows.js";
import { buildTree } from "./tree.js";

const VIEW_KEY = "flywheel.trace.view";

const data = JSON.parse(document.querySelector("#trace-data").textContent);
const root = document.querySelector("[data-trace-view]");
const tree = buildTree(data.observations);
const notes = notePanel(data.notes);
const detail = new Detail(root.querySelector("[data-detail]"), data, notes);
const rows = new Rows(root, {
  tree,
  start: data.start,
  end: data.end,
  noted: (node) => notes.commentsOf(node.id).length > 0,
  onChoose: (node) => {
    history.replaceState(null, "", `#${node.id}`);
    graph.mark(node);
    detail.show(node);
  },
});
const graph = new Graph(root.querySelector("[data-graph]"), tree, (step, steps) => {
  rows.group(steps);
  rows.choose(step);
});

notes.onChange(() => rows.draw());

function setView(view) {
  root.dataset.view = view;
  if (view === "graph") {
    graph.open();
  }
  root.querySelectorAll("button[data-view]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  });
  localStorage.setItem(VIEW_KEY, view);
}

root.querySelectorAll("button[data-view]").forEach((button) => {
  button.addEventListener("click", () => setView(button.dataset.view));
});
root.querySelector("[data-step-search]").addEventListener("input", (event) => rows.find(event.target.value));
root.querySelector("[data-fold]").addEventListener("click", () => rows.toggleAll());
setView(localStorage.getItem(VIEW_KEY) ?? "both");

const first = tree.nodes.get(location.hash.slice(1)) ?? tree.roots[0];
if (first) {
  rows.choose(first);
}
