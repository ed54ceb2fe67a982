// The page of a run: draws what its events tell, now and later, and acts on it.
import { get, post } from "../../../core/js/http.js";
import { confirm, prompt } from "../../../core/js/dialog.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { renderMarkdown } from "../../../agents/js/markdown.js";
import { cost, count } from "../../../tracing/js/format.js";
import { jsonBlock } from "../../../tracing/js/value.js";
import { button, el, icon, pageData } from "../dom.js";
import { WaitForm } from "../form/wait.js";
import { GraphView } from "../graph/view.js";
import { askToRerun } from "../run/rerun.js";
import { RoundView, RunModel } from "../run/model.js";
import { RunSocket } from "../run/socket.js";
import { nodeBadge, nodeState, runBadge, took } from "../run/states.js";
import { Steps } from "../run/steps.js";
import { errorNotice, valueSection } from "../run/values.js";

const data = pageData("wf-data");
const model = new RunModel({ state: data.run.state });
model.error = data.run.error;
model.outputs = data.run.outputs;
model.inputs = data.run.inputs;
const byId = new Map(data.graph.nodes.map((node) => [node.id, node]));
const rounds = new RoundView(data.graph, model);
const graph = new GraphView(document.getElementById("wf-graph"), { label: gettext("Graph of the run"), grow: [280, 0.6] });
const steps = new Steps(document.querySelector("[data-steps]"), document.querySelector("[data-steps-empty]"), {
  onChoose: (path) => choose(path),
  describe: (node) => ({
    title: node.title || byId.get(node.id)?.title || node.id,
    symbol: byId.get(node.id)?.icon ?? "widgets",
  }),
});
const panels = {
  result: document.getElementById("panel-result"),
  step: document.getElementById("panel-step"),
  variables: document.getElementById("panel-variables"),
};
const view = { chosen: null, tab: "result", drawn: 0, stepKey: "" };
const began = performance.now() - data.run.age_ms;

graph.setGraph(data.graph);

/* ---- tabs ---- */

const tabs = [...document.querySelectorAll("[role=tab]")];

function openTab(name) {
  view.tab = name;
  tabs.forEach((tab) => {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  });
  Object.entries(panels).forEach(([key, panel]) => {
    panel.hidden = key !== name;
  });
  draw(true);
}

tabs.forEach((tab, at) => {
  tab.addEventListener("click", () => openTab(tab.id.slice("tab-".length)));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const next = tabs[(at + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    }
  });
});

/* ---- choosing ---- */

function choose(path, { reveal = true } = {}) {
  view.chosen = path;
  if (!path) {
    graph.choose(null);
    steps.choose(null);
    openTab("result");
    return;
  }
  rounds.follow(path);
  const node = model.nodes.get(path);
  graph.choose(drawnId(path), { reveal });
  steps.choose(path);
  if (node || byId.has(path)) {
    openTab("step");
  }
}

/** The id in the drawing of an execution; what runs inside a sub-workflow shows at the node that started it. */
function drawnId(path) {
  const ids = path.split("/").map((part) => part.split(":")[0]);
  return ids.findLast((id) => byId.has(id)) ?? null;
}

graph.addEventListener("choose", (event) => choose(event.detail ? rounds.pathOf(event.detail) : null, { reveal: false }));
function showRound(id, index) {
  rounds.chosen.set(rounds.pathOf(id), index);
  draw(true);
}

graph.addEventListener("round", ({ detail }) => showRound(detail.id, detail.index));
graph.addEventListener("rounds", async ({ detail: { id, count: total } }) => {
  const answer = await prompt({
    title: gettext("Choose a round"), label: interpolate(gettext("A number from 1 to %(n)s"), { n: total }), confirmLabel: gettext("Show"),
  });
  const number = Number.parseInt(answer ?? "", 10);
  if (number >= 1 && number <= total) {
    showRound(id, number - 1);
  }
});
document.getElementById("wf-step-search").addEventListener("input", (event) => {
  steps.search = event.target.value;
  draw(true);
});

/* ---- drawing ---- */

let frame = 0;

function drawSoon() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
}

function noteOf(node) {
  if (node.state === "succeeded" || node.state === "handled") {
    return node.ms === undefined ? nodeState(node.state) : `${took(node.ms)}${node.attempt > 1 ? ` · ${interpolate(gettext("try %(n)s"), { n: node.attempt })}` : ""}`;
  }
  if (node.state === "failed") {
    return node.error?.message ?? nodeState("failed");
  }
  return nodeState(node.state);
}

function draw(force = false) {
  if (!force && view.drawn === model.version) {
    return;
  }
  view.drawn = model.version;
  facts();
  graph.setStates(rounds.states(noteOf));
  graph.setRounds(rounds.rounds());
  steps.show(model, span());
  if (view.tab === "result") {
    drawResult();
  } else if (view.tab === "step") {
    drawStep();
  } else {
    drawVariables();
  }
}

function span() {
  let start = Infinity;
  let end = 0;
  for (const node of model.nodes.values()) {
    if (Number.isFinite(node.start)) {
      start = Math.min(start, node.start);
      end = Math.max(end, node.start + (node.ms ?? 0));
    }
  }
  if (!model.ended) {
    end = Math.max(end, performance.now() - began);
  }
  return { start: start === Infinity ? 0 : start, end };
}

function facts() {
  const fact = (name) => document.querySelector(`[data-fact=${name}]`);
  if (fact("state").dataset.state !== model.state) {
    fact("state").dataset.state = model.state;
    fact("state").replaceChildren(runBadge(model.state));
  }
  if (model.ms !== undefined) {
    fact("time").textContent = took(model.ms);
  } else if (!model.ended && model.state === "running") {
    fact("time").textContent = took(performance.now() - began);
  }
  const usage = model.ended || model.state === "waiting" ? model.usage : summed();
  fact("steps").textContent = count(model.steps ?? model.nodes.size ?? 0);
  if (usage.input_tokens !== undefined) {
    fact("tokens").textContent = `${count(usage.input_tokens)} → ${count(usage.output_tokens ?? 0)}`;
    fact("cost").textContent = cost(Number(usage.cost ?? 0));
  }
  const stop = document.querySelector("[data-stop]");
  const rerun = document.querySelector("[data-rerun]");
  if (stop) {
    stop.hidden = model.ended;
  }
  if (rerun) {
    rerun.hidden = !model.ended || !data.run.ledger_kept;
  }
}

function summed() {
  const sum = { input_tokens: 0, output_tokens: 0, cost: 0 };
  for (const { usage } of model.nodes.values()) {
    sum.input_tokens += usage?.input_tokens ?? 0;
    sum.output_tokens += usage?.output_tokens ?? 0;
    sum.cost += Number(usage?.cost ?? 0);
  }
  return sum;
}

/* ---- the result ---- */

const parts = {
  waits: el("div", { class: "fw-stack" }),
  error: el("div"),
  text: el("div", { class: "agents-md wf-text", "aria-live": "polite" }),
  outputs: el("div", { class: "fw-stack" }),
  inputs: el("div"),
  idle: el("p", { class: "fw-muted" }),
};
panels.result.append(parts.waits, parts.error, parts.text, parts.outputs, parts.idle, parts.inputs);
const waitForms = new Map();
const drawnParts = {};

/** Build a part anew only when what it shows is another: forms and foldings of the reader stay. */
function part(name, key, build) {
  if (drawnParts[name] !== key) {
    drawnParts[name] = key;
    parts[name].replaceChildren(...[build()].flat().filter(Boolean));
  }
}

function drawResult() {
  drawWaits();
  const failed = [...model.nodes.values()].find((node) => node.state === "failed");
  const trouble = model.state === "failed" || model.state === "stopped";
  part("error", trouble ? JSON.stringify([model.state, model.error, failed?.path]) : "", () => {
    if (model.state === "stopped") {
      return el("div", { class: "fw-notice fw-notice--warn" }, [
        icon("do_not_disturb_on"), el("span", { text: model.reason ? interpolate(gettext("Stopped: %(reason)s"), { reason: model.reason }) : gettext("Stopped.") }),
      ]);
    }
    return model.state === "failed"
      ? [errorNotice(model.error ?? { message: gettext("The run failed.") }), failed ? button(gettext("Show the failed step"), { icon: "arrow_forward", onclick: () => choose(failed.path) }) : null]
      : null;
  });
  if (parts.text.dataset.text !== model.text) {
    parts.text.dataset.text = model.text;
    renderMarkdown(parts.text, model.text);
  }
  part("outputs", JSON.stringify(model.outputs), () => valueSection(gettext("Outputs"), model.outputs));
  part("inputs", "once", () => [
    data.run.query ? valueSection(gettext("Message"), data.run.query) : null,
    valueSection(gettext("Inputs"), model.inputs),
  ]);
  parts.idle.textContent = idleText();
  parts.idle.hidden = !parts.idle.textContent;
}

function idleText() {
  if (model.text || model.waits.size) {
    return "";
  }
  if (!model.ended) {
    return model.state === "queued" ? gettext("The run waits for its turn.") : gettext("Outputs appear here when the run ends.");
  }
  const empty = !model.outputs || !Object.keys(model.outputs).length;
  return empty && (model.state === "succeeded" || model.state === "partial") ? gettext("The run has no outputs.") : "";
}

function drawWaits() {
  // a node may ask again, on the same path: another attempt is another form
  const keyOf = (wait) => JSON.stringify([wait.path, wait.payload?.attempt, wait.payload?.votes?.length]);
  const open = new Set([...model.waits.values()].map(keyOf));
  for (const [key, form] of waitForms) {
    if (!open.has(key)) {
      form.element.remove();
      waitForms.delete(key);
    }
  }
  for (const [id, wait] of model.waits) {
    if (!waitForms.has(keyOf(wait))) {
      const form = new WaitForm(wait, {
        title: titleOf(id),
        answer: data.may.answer ? (answer) => act({ act: "answer", path: id, answer }) : null,
      });
      waitForms.set(keyOf(wait), form);
      parts.waits.append(form.element);
    }
  }
}

function titleOf(path) {
  const node = model.nodes.get(path);
  return node?.title || byId.get(drawnId(path))?.title || path;
}

/* ---- one step ---- */

function drawStep() {
  const node = view.chosen ? model.nodes.get(view.chosen) : null;
  const key = node ? `${node.path}|${node.state}|${node.attempt}|${node.logs.length}|${node.ms}` : `${view.chosen}`;
  if (key !== view.stepKey) {
    view.stepKey = key;
    panels.step.replaceChildren(...(node ? stepNodes(node) : unseen()).filter(Boolean));
  }
  const said = panels.step.querySelector("[data-said]");
  if (said && node && said.textContent !== node.text) {
    said.textContent = node.text;
  }
}

function unseen() {
  if (!view.chosen) {
    return [el("p", { class: "fw-muted", text: gettext("Choose a step in the graph or in the list.") })];
  }
  const drawn = byId.get(drawnId(view.chosen));
  return [
    el("h2", { class: "fw-heading", text: drawn?.title ?? view.chosen }),
    el("p", { class: "fw-muted", text: model.ended ? gettext("This step was not reached.") : gettext("This step has not begun.") }),
    configOf(drawn),
  ];
}

function stepNodes(node) {
  const drawn = byId.get(node.id);
  const streams = node.state === "running" || node.state === "retrying";
  return [
    el("div", { class: "fw-row" }, [
      el("h2", { class: "fw-heading", text: node.title || drawn?.title || node.id }), nodeBadge(node.state),
      node.ms === undefined || node.ms === null ? null : el("span", { class: "fw-badge", text: took(node.ms) }),
      node.attempt > 1 ? el("span", { class: "fw-badge fw-badge--warn", text: interpolate(gettext("%(n)s tries"), { n: node.attempt }) }) : null,
      node.port && node.port !== "out" ? el("span", { class: "fw-badge", title: gettext("The way the run went on"), text: `→ ${portTitle(drawn, node.port)}` }) : null,
      node.reused ? el("span", { class: "fw-badge fw-badge--muted", text: gettext("taken over from an earlier run") }) : null,
    ]),
    el("p", { class: "fw-small fw-muted" }, [drawn ? `${drawn.typeTitle} · ` : "", el("code", { class: "fw-mono", text: node.path })]),
    usageLine(node.usage),
    errorNotice(node.error),
    streams ? el("pre", { class: "fw-code wf-said", "data-said": true, text: node.text }) : null,
    streams ? null : valueSection(gettext("Outputs"), node.outputs, { load: loader(node) }),
    inputsOf(node),
    node.answer ? valueSection(gettext("Answer"), node.answer) : null,
    node.reasoning ? valueSection(gettext("Reasoning"), node.reasoning, { open: false }) : null,
    ...retriesOf(node),
    ...node.logs.map((log) => valueSection(log.name, log.data, { open: false })),
    configOf(drawn),
    actionsOf(node),
  ];
}

function portTitle(drawn, name) {
  return drawn?.ports.find((port) => port.name === name)?.title || name;
}

function usageLine(usage) {
  if (!usage?.input_tokens && !usage?.output_tokens) {
    return null;
  }
  const text = interpolate(gettext("%(input)s → %(output)s tokens"), { input: count(usage.input_tokens ?? 0), output: count(usage.output_tokens ?? 0) });
  return el("p", { class: "fw-small fw-muted", text: usage.cost ? `${text} · ${cost(Number(usage.cost))}` : text });
}

function retriesOf(node) {
  return node.retries.map((retry) => el("p", {
    class: "fw-small fw-muted",
    text: interpolate(gettext("Try %(n)s failed: %(reason)s"), { n: Math.max(retry.attempt - 1, 1), reason: retry.error?.message ?? "" }),
  }));
}

/** What a step was given stands in no event: it is worked out on the server when somebody looks. */
function inputsOf(node) {
  if (node.inputs) {
    return valueSection(gettext("Inputs"), node.inputs);
  }
  const box = el("details", { class: "wf-value" }, [el("summary", { class: "wf-value__head" }, [el("span", { class: "fw-overline fw-grow", text: gettext("Inputs") })])]);
  box.addEventListener("toggle", async () => {
    if (!box.open || box.childElementCount > 1) {
      return;
    }
    const place = el("div", { class: "wf-value__box" }, [el("span", { class: "fw-spinner" })]);
    box.append(place);
    try {
      const { inputs } = await post(data.urls.run, { act: "step", path: node.path }, { quiet: true });
      node.inputs = inputs;
      place.replaceChildren(inputs === null || !Object.keys(inputs).length ? el("p", { class: "fw-muted fw-small", text: gettext("Nothing recorded.") }) : jsonBlock(inputs));
    } catch (error) {
      place.replaceChildren(errorNotice({ message: error.message }));
    }
  });
  return box;
}

function loader(node) {
  return node.outputsCut ? async () => (await post(data.urls.run, { act: "step", path: node.path }, { quiet: true })).outputs : null;
}

function configOf(drawn) {
  return drawn?.config ? valueSection(gettext("Configuration"), drawn.config, { open: false }) : null;
}

function actionsOf(node) {
  if (!data.may.rerun || !model.ended || !data.run.ledger_kept) {
    return null;
  }
  return el("div", { class: "fw-row" }, [
    button(gettext("Run again from here"), { icon: "replay", onclick: () => rerun(node.path) }),
  ]);
}

/* ---- variables ---- */

function drawVariables() {
  const entries = [...model.variables];
  const rows = [
    valueSection(gettext("Inputs"), model.inputs, { open: false }),
    entries.length
      ? el("dl", { class: "wf-variables" }, entries.flatMap(([name, value]) => [el("dt", { class: "fw-mono fw-small", text: name }), el("dd", {}, [jsonBlock(value)])]))
      : el("p", { class: "fw-muted", text: gettext("No variable was written by this run. Outputs of steps stand at the steps.") }),
    data.environment.length ? el("h3", { class: "fw-overline", text: gettext("Environment") }) : null,
    data.environment.length
      ? el("dl", { class: "fw-list" }, data.environment.flatMap(({ name, value, secret }) => [
        el("dt", { class: "fw-mono fw-small", text: name }),
        el("dd", { class: "fw-mono fw-small", text: secret ? "••••••" : JSON.stringify(value) }),
      ]))
      : null,
  ];
  panels.variables.replaceChildren(...rows.filter(Boolean));
}

/* ---- acting ---- */

async function act(body) {
  return post(data.urls.run, body, { quiet: false });
}

document.querySelector("[data-stop]")?.addEventListener("click", async (event) => {
  const stop = event.currentTarget;
  const sure = await confirm({ title: gettext("Stop this run?"), body: gettext("Steps that are under way are cancelled."), confirmLabel: gettext("Stop"), danger: true });
  if (!sure) {
    return;
  }
  stop.disabled = true;
  await act({ act: "cancel" }).catch(() => {});
  stop.disabled = false;
});

async function rerun(path) {
  const answer = await askToRerun({ path, model, titleOf, graph: data.graph, send: (body) => post(data.urls.run, { act: "rerun", ...body }, { quiet: true }) });
  if (answer) {
    location.href = answer.url;
  }
}

document.querySelector("[data-rerun]")?.addEventListener("click", () => {
  const failed = [...model.nodes.values()].find((node) => node.state === "failed");
  rerun(failed?.path ?? "");
});

/* ---- live ---- */

const lost = document.querySelector("[data-connection]");

/** First all that was, in one answer; then, unless the run has ended, what comes. */
async function begin() {
  const { events } = await get(data.urls.events, { quiet: true });
  events.forEach((event) => model.apply(event));
  draw(true);
  if (!model.ended) {
    follow();
  }
}

function showTrace(id) {
  const fact = document.querySelector("[data-trace]");
  fact.hidden = false;
  fact.querySelector("a").href = data.urls.trace.replace("0".repeat(32), id);
}

function follow() {
  const socket = new RunSocket(data.urls.socket, () => model.seq);
  socket.addEventListener("state", (event) => {
    lost.hidden = event.detail !== "lost";
  });
  socket.addEventListener("event", ({ detail }) => {
    if (detail.run?.trace_id) {
      showTrace(detail.run.trace_id);
    }
    if (!detail.type || !detail.data) {
      return;
    }
    if (model.apply({ ...detail, at: performance.now() - began })) {
      drawSoon();
    }
    if (model.ended) {
      lost.hidden = true;
      // the last word, "ended", follows at once
      setTimeout(() => socket.close(), 2000);
    }
  });
  const clock = setInterval(() => {
    if (model.ended) {
      clearInterval(clock);
    } else if (model.state === "running") {
      facts();
    }
  }, 250);
}

openTab("result");
if (data.run.ledger_kept) {
  begin().catch((error) => parts.idle.replaceChildren(errorNotice({ message: error.message })));
}
