// The playground: columns side by side, run together; see playground/.
import { ColumnView } from "./playground/column.js";
import { Session } from "./playground/session.js";
import { MAX_COLUMNS, copyOf, emptyColumn, readState } from "./playground/state.js";
import { Values } from "./playground/values.js";

const config = JSON.parse(document.getElementById("playground-config").textContent);
const at = (id) => document.getElementById(`playground-${id}`);
const state = readState(config.state);
const views = new Map();

const session = new Session(config, state, {
  select: at("session"),
  rename: at("rename"),
  remove: at("delete"),
  note: at("saved"),
});
const values = new Values(at("values"), state, () => session.touch());

const page = {
  state,
  config,
  session: () => session.id(),
  changed() {
    values.draw();
    session.touch();
  },
  running: drawRunning,
  copy(column) {
    if (state.columns.length < MAX_COLUMNS) {
      state.columns.splice(state.columns.indexOf(column) + 1, 0, copyOf(column));
      drawColumns();
      page.changed();
    }
  },
  remove(column) {
    views.get(column)?.stop();
    state.columns.splice(state.columns.indexOf(column), 1);
    drawColumns();
    page.changed();
  },
};

function drawColumns() {
  for (const column of state.columns) {
    if (!views.has(column)) {
      views.set(column, new ColumnView(page, column));
    }
  }
  for (const column of views.keys()) {
    if (!state.columns.includes(column)) {
      views.delete(column);
    }
  }
  const mayAdd = state.columns.length < MAX_COLUMNS;
  at("columns").replaceChildren(...state.columns.map((column) => views.get(column).node));
  state.columns.forEach((column, index) => views.get(column).place(index, state.columns.length, mayAdd));
  at("add").disabled = !mayAdd;
  drawRunning();
}

function drawRunning() {
  const running = [...views.values()].some((view) => view.running);
  at("stop").hidden = !running;
  at("run").disabled = running;
}

async function runAll() {
  // one session for all columns, also when there is none yet
  await session.id();
  await Promise.all(state.columns.map((column) => views.get(column).run()));
}

at("run").addEventListener("click", runAll);
at("stop").addEventListener("click", () => views.forEach((view) => view.stop()));
at("add").addEventListener("click", () => {
  const last = state.columns.at(-1);
  state.columns.push(last ? copyOf(last) : emptyColumn());
  drawColumns();
  page.changed();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    if (!at("run").disabled) {
      runAll();
    }
  }
});

drawColumns();
values.draw();
