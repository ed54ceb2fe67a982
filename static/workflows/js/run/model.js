// A run as its events tell it: one reducer for what was and what comes. See the engine's events for their fields.

export const FINAL = new Set(["succeeded", "partial", "failed", "stopped"]);

/** The path of the container around an execution and the round it belongs to: "a:3/b" → ["a", 3]; at the top null. */
export function around(path) {
  const at = path.lastIndexOf("/");
  if (at < 0) {
    return null;
  }
  const round = path.slice(0, at);
  const colon = round.lastIndexOf(":");
  return [round.slice(0, colon), Number(round.slice(colon + 1))];
}

export class RunModel {
  constructor({ state = "queued" } = {}) {
    this.seq = 0;
    this.state = state;
    this.nodes = new Map(); // by path, in the order they began
    this.rounds = new Map(); // by path of the container: states of rounds
    this.waits = new Map(); // open ones by wait id
    this.variables = new Map(); // "namespace.name" → value
    this.text = "";
    this.reasoning = "";
    this.usage = {};
    this.outputs = null;
    this.error = null;
    this.version = 0; // grows with each change, for those who draw
  }

  /** Take in an event; one that was seen before changes nothing. Returns whether anything changed. */
  apply({ seq = 0, type, data, at = null }) {
    if (seq && seq <= this.seq) {
      return false;
    }
    this.seq = seq || this.seq;
    this.at = at; // milliseconds after the run's start
    const [noun, verb] = type.split(".");
    const handler = this[`on_${noun}_${verb}`];
    if (!handler) {
      return false;
    }
    handler.call(this, data);
    this.version += 1;
    return true;
  }

  node(data) {
    let node = this.nodes.get(data.path);
    if (!node) {
      node = { id: data.node, path: data.path, state: "running", attempt: 1, text: "", reasoning: "", logs: [], retries: [] };
      this.nodes.set(data.path, node);
    }
    return node;
  }

  on_run_started(data) {
    this.state = "running";
    this.inputs = data.inputs;
  }

  on_run_resumed() {
    this.state = "running";
  }

  on_node_started(data) {
    const node = this.node(data);
    Object.assign(node, {
      state: "running", type: data.type, title: data.title, attempt: data.attempt ?? 1, error: null,
    });
    node.start ??= this.at;
    this.state = "running";
  }

  on_node_delta(data) {
    this.node(data).text += data.text;
  }

  on_reasoning_delta(data) {
    this.reasoning += data.text;
    if (data.path) {
      this.node(data).reasoning += data.text;
    }
  }

  on_text_delta(data) {
    this.text += data.text;
    if (data.path) {
      this.node(data).text += data.text;
    }
  }

  on_text_reset(data) {
    this.text = [...this.text].slice(0, data.length).join("");
  }

  on_node_log(data) {
    this.node(data).logs.push({ name: data.name, data: data.data });
  }

  on_node_waiting(data) {
    Object.assign(this.node(data), { state: "waiting" });
    this.waits.set(data.path, { ...data, wait: data.path });
  }

  on_node_retrying(data) {
    const node = this.node(data);
    node.retries.push({ attempt: data.attempt, error: data.error, delay: data.delay_ms });
    Object.assign(node, { state: "retrying", attempt: data.attempt, error: data.error });
  }

  on_node_completed(data) {
    const node = this.node(data);
    Object.assign(node, {
      state: data.handled ? "handled" : "succeeded", port: data.port, outputs: data.outputs, ms: data.ms, usage: data.usage,
      error: data.handled ?? null, reused: Boolean(data.reused), outputsCut: data.outputs_cut ?? 0,
    });
    this.time(node);
    this.waits.delete(data.path);
    this.settle(data.path);
  }

  on_node_failed(data) {
    const node = this.node(data);
    Object.assign(node, { state: "failed", error: data.error, ms: data.ms, usage: data.usage });
    this.time(node);
    this.waits.delete(data.path);
    this.settle(data.path);
  }

  /** Ends are stored at once, beginnings together with what follows them: the beginning is the end less the time taken. */
  time(node) {
    if (this.at !== null) {
      node.start = Math.max(this.at - (node.ms ?? 0), 0);
    }
  }

  /** A container that has ended has no running rounds. */
  settle(path) {
    const rounds = this.rounds.get(path);
    rounds?.forEach((round) => {
      round.state = round.state === "running" ? "stopped" : round.state;
    });
  }

  on_round_started(data) {
    const rounds = this.rounds.get(data.path) ?? [];
    rounds[data.index] = { state: "running" };
    this.rounds.set(data.path, rounds);
  }

  on_round_completed(data) {
    const rounds = this.rounds.get(data.path) ?? [];
    rounds[data.index] = { state: data.error ? "failed" : "succeeded", error: data.error, output: data.output, signal: data.signal };
    this.rounds.set(data.path, rounds);
  }

  on_variable_set(data) {
    this.variables.set(`${data.namespace}.${data.name}`, data.value);
  }

  on_run_waiting(data) {
    this.state = "waiting";
    this.waits = new Map((data.waits ?? []).map((wait) => [wait.wait, wait]));
    this.count(data);
  }

  on_run_answered(data) {
    this.waits.delete(data.wait);
    const node = this.nodes.get(data.wait);
    if (node?.state === "waiting") {
      node.state = "running";
      node.answer = data.answer;
    }
  }

  on_run_completed(data) {
    this.end(data.status ?? "succeeded", data);
    this.outputs = data.outputs ?? null;
  }

  on_run_failed(data) {
    this.end("failed", data);
    this.error = data.error ?? null;
  }

  on_run_stopped(data) {
    this.end("stopped", data);
    this.reason = data.reason ?? "";
  }

  end(state, data) {
    this.state = state;
    this.waits.clear();
    this.count(data);
    for (const node of this.nodes.values()) {
      if (["running", "retrying", "waiting"].includes(node.state)) {
        node.state = "stopped";
      }
    }
  }

  count(data) {
    this.usage = data.usage ?? this.usage;
    this.steps = data.steps ?? this.steps;
    this.ms = data.ms ?? this.ms;
  }

  get ended() {
    return FINAL.has(this.state);
  }
}

/** What the graph shows: the state of each drawn node in the rounds that are looked at. */
export class RoundView {
  constructor(graph, model) {
    this.model = model;
    this.byId = new Map(graph.nodes.map((node) => [node.id, node]));
    this.chosen = new Map(); // path of the container → index
  }

  /** The path of a drawn node in the chosen rounds. */
  pathOf(id) {
    const parent = this.byId.get(id)?.parent;
    if (!parent) {
      return id;
    }
    const container = this.pathOf(parent);
    return `${container}:${this.indexOf(container)}/${id}`;
  }

  /** The round of a container that is looked at: the chosen one, else one that fails, else the last. */
  indexOf(container) {
    const rounds = this.model.rounds.get(container) ?? [];
    if (this.chosen.has(container)) {
      return Math.min(this.chosen.get(container), Math.max(rounds.length - 1, 0));
    }
    const failed = rounds.findIndex((round) => round?.state === "failed");
    return failed >= 0 ? failed : Math.max(rounds.length - 1, 0);
  }

  /** Look at the rounds that an execution belongs to. */
  follow(path) {
    for (let up = around(path); up; up = around(up[0])) {
      this.chosen.set(up[0], up[1]);
    }
  }

  states(note) {
    const states = new Map();
    for (const id of this.byId.keys()) {
      const node = this.model.nodes.get(this.pathOf(id));
      if (node) {
        states.set(id, { state: node.state, note: note(node), ports: node.port ? [node.port] : [] });
      } else if (this.model.ended || this.passed(id)) {
        states.set(id, { state: this.byId.get(id).type === "comment" ? "" : "skipped" });
      }
    }
    return states;
  }

  /** Whether a node's round has ended without it. */
  passed(id) {
    const parent = this.byId.get(id)?.parent;
    if (!parent) {
      return false;
    }
    const container = this.pathOf(parent);
    const round = this.model.rounds.get(container)?.[this.indexOf(container)];
    return Boolean(round) && round.state !== "running";
  }

  rounds() {
    const found = new Map();
    for (const node of this.byId.values()) {
      const path = this.pathOf(node.id);
      const rounds = node.container ? this.model.rounds.get(path) : null;
      if (rounds?.length) {
        found.set(node.id, { index: this.indexOf(path), count: rounds.length });
      }
    }
    return found;
  }
}
