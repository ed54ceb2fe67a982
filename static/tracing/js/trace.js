// The trace page: steps on the left, the chosen one on the right; the address remembers which.
import { interpolate, ngettext } from "../../core/js/i18n.js";
import { Detail } from "./detail.js";
import { count, el } from "./format.js";
import { Graph } from "./graph.js";
import { NotesBox, NoteStore, scoreBadge } from "./notes.js";
import { Rows } from "./rows.js";
import { buildTree } from "./tree.js";

const VIEW_KEY = "flywheel.trace.view";

const data = JSON.parse(document.querySelector("#trace-data").textContent);
const root = document.querySelector("[data-trace-view]");
const tree = buildTree(data.observations);
const notes = new NoteStore(data.notes);
document.querySelector("[data-trace-notes]").append(new NotesBox(notes).element);
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

const noteSummary = document.querySelector("[data-trace-note-count]");
function countNotes() {
  noteSummary.replaceChildren(...notes.scoresOf("").map(scoreBadge));
  const comments = notes.commentsOf("").length;
  if (comments) {
    const text = interpolate(ngettext("%(number)s comment", "%(number)s comments", comments), { number: count(comments) });
    noteSummary.append(el("span", "fw-badge fw-badge--muted", text));
  }
}
notes.onChange(countNotes);
countNotes();

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
