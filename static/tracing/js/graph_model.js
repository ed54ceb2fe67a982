// The steps of a trace by type and name, and who called whom after whom: nodes, edges, and where they are drawn.

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 48;
const GAP_X = 28;
const GAP_Y = 44;
//: More kinds of steps than this can't be read; the most frequent are drawn.
export const MAX_GROUPS = 120;
const SWEEPS = 4;
//: With more edges than this for each group only the most frequent ones are drawn.
const MAX_DEGREE = 2;

/** Steps of one type and name. */
function groupOf(key, step) {
  return { key, type: step.type, name: step.name, steps: [], errors: 0, time: 0, cost: 0, tokens: 0 };
}

const keyOf = (step) => `${step.type}\n${step.name}`;

/** Aggregate a tree (tree.js) to `groups`, `edges` ({from, to, count}) and how many groups are left out. */
export function graphOf(tree) {
  const groups = new Map();
  const edges = new Map();
  const steps = [...tree.nodes.values()].sort((one, other) => one.start - other.start);
  for (const step of steps) {
    const key = keyOf(step);
    const group = groups.get(key) ?? groupOf(key, step);
    groups.set(key, group);
    group.steps.push(step);
    group.errors += step.error ? 1 : 0;
    group.time += step.end - step.start;
    group.cost += step.cost ?? 0;
    group.tokens += (step.input ?? 0) + (step.output ?? 0);
  }
  const kept = new Set([...groups.values()].sort((one, other) => other.steps.length - one.steps.length).slice(0, MAX_GROUPS));
  const link = (from, to) => {
    if (kept.has(groups.get(from)) && kept.has(groups.get(to))) {
      const key = `${from}\n\n${to}`;
      const edge = edges.get(key) ?? { from, to, count: 0 };
      edge.count += 1;
      edges.set(key, edge);
    }
  };
  follow(tree.roots, null, link);
  tree.nodes.forEach((step) => follow(step.children, step, link));
  const shown = [...groups.values()].filter((group) => kept.has(group));
  const all = [...edges.values()];
  const drawn = all.length > MAX_DEGREE * shown.length ? strongest(all) : all;
  return { groups: shown, edges: drawn, hidden: groups.size - shown.length, hiddenEdges: all.length - drawn.length };
}

/** The most frequent edges out of each group, and the most frequent one into each. */
function strongest(edges) {
  const sorted = [...edges].sort((one, other) => other.count - one.count);
  const [out, into] = [new Map(), new Map()];
  return sorted.filter(({ from, to }) => {
    const keep = (out.get(from) ?? 0) < MAX_DEGREE || !into.get(to);
    if (keep) {
      out.set(from, (out.get(from) ?? 0) + 1);
      into.set(to, (into.get(to) ?? 0) + 1);
    }
    return keep;
  });
}

/** Link each sibling to the one that had ended last when it began, or else to the parent. */
function follow(siblings, parent, link) {
  const ordered = [...siblings].sort((one, other) => one.start - other.start);
  const ended = [...ordered].sort((one, other) => one.end - other.end);
  let at = 0;
  let before = null;
  for (const step of ordered) {
    while (at < ended.length && ended[at].end <= step.start && ended[at] !== step) {
      before = ended[at];
      at += 1;
    }
    if (before ?? parent) {
      link(keyOf(before ?? parent), keyOf(step));
    }
  }
}

/** Give every group `rank`, `x` and `y` (its middle), and the picture its size. Cycles are cut where they return. */
export function layout(graph) {
  const out = new Map(graph.groups.map((group) => [group.key, []]));
  graph.edges.filter((edge) => edge.from !== edge.to).forEach((edge) => out.get(edge.from).push(edge.to));
  const forward = withoutReturns(graph.groups, out);
  const byKey = new Map(graph.groups.map((group) => [group.key, group]));
  rank(graph.groups, forward, byKey);
  const layers = [];
  graph.groups.forEach((group) => (layers[group.rank] ??= []).push(group));
  order(layers, forward);
  const widest = Math.max(...layers.map((layer) => layer.length), 1);
  const width = widest * (NODE_WIDTH + GAP_X) + GAP_X * 2;
  layers.forEach((layer, number) => {
    layer.forEach((group, at) => {
      group.x = width / 2 + (at - (layer.length - 1) / 2) * (NODE_WIDTH + GAP_X);
      group.y = GAP_Y / 2 + NODE_HEIGHT / 2 + number * (NODE_HEIGHT + GAP_Y);
    });
  });
  return { width, height: layers.length * (NODE_HEIGHT + GAP_Y), layers };
}

/** Edges without those that lead back to where a walk came from, as lists of targets by key. */
function withoutReturns(groups, out) {
  const forward = new Map(groups.map((group) => [group.key, []]));
  const state = new Map();
  for (const start of groups) {
    if (state.has(start.key)) {
      continue;
    }
    state.set(start.key, "open");
    const stack = [[start.key, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1];
      const [key] = top;
      const target = out.get(key)[top[1]];
      top[1] += 1;
      if (target === undefined) {
        state.set(key, "done");
        stack.pop();
      } else if (state.get(target) !== "open") {
        forward.get(key).push(target);
        if (!state.has(target)) {
          state.set(target, "open");
          stack.push([target, 0]);
        }
      }
    }
  }
  return forward;
}

/** Longest way from a beginning. */
function rank(groups, forward, byKey) {
  const waiting = new Map(groups.map((group) => [group.key, 0]));
  forward.forEach((targets) => targets.forEach((target) => waiting.set(target, waiting.get(target) + 1)));
  groups.forEach((group) => {
    group.rank = 0;
  });
  const ready = groups.filter((group) => !waiting.get(group.key));
  while (ready.length) {
    const group = ready.pop();
    for (const target of forward.get(group.key)) {
      const next = byKey.get(target);
      next.rank = Math.max(next.rank, group.rank + 1);
      waiting.set(target, waiting.get(target) - 1);
      if (!waiting.get(target)) {
        ready.push(next);
      }
    }
  }
}

/** Put each group near the middle of its neighbours, which uncrosses most edges. */
function order(layers, forward) {
  const neighbours = new Map();
  const join = (one, other) => neighbours.set(one, [...(neighbours.get(one) ?? []), other]);
  forward.forEach((targets, key) => targets.forEach((target) => (join(key, target), join(target, key))));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const place = new Map();
    layers.forEach((layer) => layer.forEach((group, at) => place.set(group.key, at - (layer.length - 1) / 2)));
    for (const layer of layers) {
      const wanted = new Map(layer.map((group) => [group.key, mean((neighbours.get(group.key) ?? []).map((key) => place.get(key))) ?? place.get(group.key)]));
      layer.sort((one, other) => wanted.get(one.key) - wanted.get(other.key));
    }
  }
}

function mean(numbers) {
  return numbers.length ? numbers.reduce((sum, number) => sum + number, 0) / numbers.length : undefined;
}
