// Layered layout of a workflow: nodes by their distance from the beginning, few crossings, straight long edges.
// After K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures" (1981);
// places within a layer by pooling adjacent violators (least squares under an order). Works on cyclic drafts too.

export const NODE = { width: 212, height: 54 };
export const HEAD = 38; // of a container
const PAD = 16;
const GAP = { layer: 52, labelled: 92, node: 26, component: 36 };
const LEAST_CONTAINER = 320; // its title and the round selector side by side
const EMPTY = { width: 180, height: 54 };
const SWEEPS = 8;

/**
 * Lay a graph out. graph: {nodes: [{id, parent, container, ports}], edges: [{source, target, port}]};
 * direction: "right" or "down". Returns {width, height, nodes: Map id → {x, y, width, height, node}, edges: [{edge, path,
 * label}]} in absolute coordinates.
 */
export function layout(graph, direction = "right") {
  const across = direction === "down";
  const byParent = groupBy(graph.nodes, (node) => node.parent ?? null);
  const level = layLevel(null, byParent, graph.edges, across);
  const placed = { width: level.width, height: level.height, nodes: new Map(), edges: [] };
  flatten(level, 0, 0, placed);
  return placed;
}

function flatten(level, dx, dy, placed) {
  for (const box of level.boxes) {
    placed.nodes.set(box.node.id, { ...box, x: box.x + dx, y: box.y + dy, inner: undefined });
    if (box.inner) {
      flatten(box.inner, box.x + dx + (box.width - box.inner.width) / 2, box.y + dy + HEAD, placed);
    }
  }
  for (const edge of level.edges) {
    placed.edges.push({
      edge: edge.edge,
      path: pathOf(edge.points.map(([x, y]) => [x + dx, y + dy]), edge.across),
      label: edge.label && { ...edge.label, x: edge.label.x + dx, y: edge.label.y + dy },
    });
  }
}

function layLevel(parent, byParent, edges, across) {
  const nodes = byParent.get(parent) ?? [];
  const known = new Set(nodes.map((node) => node.id));
  const own = edges.filter((edge) => known.has(edge.source) && known.has(edge.target) && edge.source !== edge.target);
  const boxes = new Map(nodes.map((node) => [node.id, measure(node, byParent, edges, across)]));
  const parts = components(nodes, own).map((ids) => layComponent(ids, boxes, own, across));
  return stack(parts, across);
}

function measure(node, byParent, edges, across) {
  if (!node.container) {
    const ports = node.ports?.length ?? 1;
    return { node, width: NODE.width, height: across ? NODE.height : Math.max(NODE.height, ports * 22 + 10) };
  }
  const hasBody = byParent.has(node.id);
  const inner = hasBody ? layLevel(node.id, byParent, edges, across) : { ...EMPTY, boxes: [], edges: [] };
  const width = Math.max(inner.width + 2 * PAD, LEAST_CONTAINER);
  return { node, inner, width, height: inner.height + HEAD + PAD };
}

function components(nodes, edges) {
  const parent = new Map(nodes.map((node) => [node.id, node.id]));
  const root = (id) => {
    let at = id;
    while (parent.get(at) !== at) {
      parent.set(at, parent.get(parent.get(at)));
      at = parent.get(at);
    }
    return at;
  };
  edges.forEach((edge) => parent.set(root(edge.source), root(edge.target)));
  return [...groupBy(nodes, (node) => root(node.id)).values()].map((group) => group.map((node) => node.id));
}

function stack(parts, across) {
  const level = { boxes: [], edges: [], width: 0, height: 0 };
  let at = 0;
  for (const part of parts) {
    const [dx, dy] = across ? [at, 0] : [0, at];
    part.boxes.forEach((box) => level.boxes.push({ ...box, x: box.x + dx, y: box.y + dy }));
    part.edges.forEach((edge) => level.edges.push({
      ...edge,
      points: edge.points.map(([x, y]) => [x + dx, y + dy]),
      label: edge.label && { ...edge.label, x: edge.label.x + dx, y: edge.label.y + dy },
    }));
    at += (across ? part.width : part.height) + GAP.component;
    level.width = Math.max(level.width, dx + part.width);
    level.height = Math.max(level.height, dy + part.height);
  }
  return level;
}

/* ---- one connected component; "long" is the axis of the layers, "side" the one within a layer ---- */

function layComponent(ids, boxes, allEdges, across) {
  const inside = new Set(ids);
  const edges = allEdges.filter((edge) => inside.has(edge.source));
  const back = backEdges(ids, edges);
  const forward = edges.filter((edge) => !back.has(edge));
  const rank = ranks(ids, forward);
  const items = new Map(ids.map((id) => [id, item(boxes.get(id), across)]));
  const layers = [];
  ids.forEach((id) => (layers[rank.get(id)] ??= []).push(id));
  const chains = addBends(forward, rank, items, layers);
  const links = linksOf(chains);
  order(layers, links);
  placeSides(layers, items, links);
  placeLayers(layers, items, forward);
  return draw(ids, items, chains, edges.filter((edge) => back.has(edge)), across);
}

function item(box, across) {
  return { box, long: across ? box.height : box.width, side: across ? box.width : box.height, weight: 1 };
}

/** Edges that close a circle, found depth first without recursion. */
function backEdges(ids, edges) {
  const out = groupBy(edges, (edge) => edge.source);
  const state = new Map();
  const back = new Set();
  for (const start of ids) {
    const walk = state.has(start) ? [] : [[start, 0]];
    state.set(start, state.get(start) ?? "open");
    while (walk.length) {
      const step = walk.at(-1);
      const edge = out.get(step[0])?.[step[1]];
      step[1] += 1;
      if (!edge) {
        state.set(step[0], "done");
        walk.pop();
      } else if (!state.has(edge.target)) {
        state.set(edge.target, "open");
        walk.push([edge.target, 0]);
      } else if (state.get(edge.target) === "open") {
        back.add(edge);
      }
    }
  }
  return back;
}

/** Longest path from the beginning; a beginning moves up to what follows it. */
function ranks(ids, edges) {
  const out = groupBy(edges, (edge) => edge.source);
  const open = new Map(ids.map((id) => [id, 0]));
  edges.forEach((edge) => open.set(edge.target, open.get(edge.target) + 1));
  const rank = new Map(ids.map((id) => [id, 0]));
  const starts = ids.filter((id) => open.get(id) === 0);
  const ready = [...starts];
  while (ready.length) {
    const id = ready.pop();
    for (const { target } of out.get(id) ?? []) {
      rank.set(target, Math.max(rank.get(target), rank.get(id) + 1));
      open.set(target, open.get(target) - 1);
      if (open.get(target) === 0) {
        ready.push(target);
      }
    }
  }
  for (const id of starts) {
    const next = (out.get(id) ?? []).map((edge) => rank.get(edge.target));
    rank.set(id, next.length ? Math.min(...next) - 1 : 0);
  }
  return rank;
}

/** Give each edge that passes layers a bend in each of them; returns [{edge, through: [ids]}]. */
function addBends(edges, rank, items, layers) {
  return edges.map((edge, number) => {
    const through = [edge.source];
    for (let at = rank.get(edge.source) + 1; at < rank.get(edge.target); at += 1) {
      const id = `\u0000${number}.${at}`;
      items.set(id, { bend: true, long: 0, side: 8, weight: 4 });
      layers[at].push(id);
      through.push(id);
    }
    return { edge, through: [...through, edge.target] };
  });
}

function linksOf(chains) {
  const before = new Map();
  const after = new Map();
  const add = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
  for (const { through } of chains) {
    for (let at = 1; at < through.length; at += 1) {
      add(after, through[at - 1], through[at]);
      add(before, through[at], through[at - 1]);
    }
  }
  return { before, after };
}

/** Order within layers by the mean place of neighbours, swept both ways; the order with the fewest crossings stays. */
function order(layers, links) {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(best, links);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    const path = down ? layers.map((_layer, at) => at).slice(1) : layers.map((_layer, at) => at).reverse().slice(1);
    for (const at of path) {
      const places = new Map(layers[at + (down ? -1 : 1)].map((id, place) => [id, place]));
      const wish = new Map(layers[at].map((id, place) => {
        const near = ((down ? links.before : links.after).get(id) ?? []).map((other) => places.get(other));
        return [id, near.length ? mean(near) : place];
      }));
      layers[at].sort((a, b) => wish.get(a) - wish.get(b));
    }
    const count = crossings(layers, links);
    if (count < fewest) {
      fewest = count;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, at) => layers.splice(at, 1, layer));
}

function crossings(layers, links) {
  let count = 0;
  for (let at = 0; at + 1 < layers.length; at += 1) {
    const places = new Map(layers[at + 1].map((id, place) => [id, place]));
    const ends = layers[at].flatMap((id) => (links.after.get(id) ?? []).map((other) => places.get(other)).sort((a, b) => a - b));
    for (let i = 0; i < ends.length; i += 1) {
      for (let j = i + 1; j < ends.length; j += 1) {
        count += ends[i] > ends[j] ? 1 : 0;
      }
    }
  }
  return count;
}

function placeSides(layers, items, links) {
  for (const layer of layers) {
    let at = 0;
    for (const id of layer) {
      const one = items.get(id);
      one.middle = at + one.side / 2;
      at += one.side + GAP.node;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      pull(layer, items, links, down);
    }
  }
  const edge = Math.min(...[...items.values()].map((one) => one.middle - one.side / 2));
  items.forEach((one) => {
    one.middle -= edge;
  });
}

/** Move a layer's items as near to their neighbours as their order and distance allow. */
function pull(layer, items, links, down) {
  let offset = 0;
  let previous = null;
  const pools = [];
  for (const id of layer) {
    const one = items.get(id);
    offset += previous ? (previous.side + one.side) / 2 + GAP.node : 0;
    previous = one;
    const near = wishes(id, items, links, down);
    const wish = (near.length ? mean(near) : one.middle) - offset;
    pools.push({ sum: wish * one.weight, weight: one.weight, items: [[one, offset]] });
    while (pools.length > 1 && value(pools.at(-2)) > value(pools.at(-1))) {
      const last = pools.pop();
      const into = pools.at(-1);
      into.sum += last.sum;
      into.weight += last.weight;
      into.items.push(...last.items);
    }
  }
  for (const pool of pools) {
    pool.items.forEach(([one, shift]) => {
      one.middle = value(pool) + shift;
    });
  }
}

function wishes(id, items, links, down) {
  const first = (down ? links.before : links.after).get(id) ?? [];
  const other = (down ? links.after : links.before).get(id) ?? [];
  return (first.length ? first : other).map((near) => items.get(near).middle);
}

const value = (pool) => pool.sum / pool.weight;

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

function placeLayers(layers, items, edges) {
  const labelled = new Set(edges.filter((edge) => edge.label).map((edge) => edge.source));
  let at = 0;
  for (const layer of layers) {
    const long = Math.max(NODE.height, ...layer.map((id) => items.get(id).long));
    for (const id of layer) {
      const one = items.get(id);
      one.start = one.bend ? at : at + (long - one.long) / 2;
      one.end = one.bend ? at + long : one.start + one.long;
      one.layer = [at, at + long];
    }
    at += long + (layer.some((id) => labelled.has(id)) ? GAP.labelled : GAP.layer);
  }
}

/** A map of lists by key; the browsers' own is younger than some that are in use. */
function groupBy(list, keyOf) {
  const groups = new Map();
  for (const one of list) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) {
      group.push(one);
    } else {
      groups.set(key, [one]);
    }
  }
  return groups;
}

/* ---- from axes to coordinates ---- */

function draw(ids, items, chains, back, across) {
  const point = across ? (long, side) => [side, long] : (long, side) => [long, side];
  const boxes = ids.map((id) => {
    const one = items.get(id);
    const [x, y] = point(one.start, one.middle - one.side / 2);
    return { ...one.box, x, y };
  });
  const edges = chains.map(({ edge, through }) => {
    const from = items.get(edge.source);
    const to = items.get(edge.target);
    const side = portSide(from, edge.port);
    const middle = through.slice(1, -1).flatMap((id) => {
      const bend = items.get(id);
      return [point(bend.start, bend.middle), point(bend.end, bend.middle)];
    });
    // a small node stands in the middle of a layer that a large one has made wide: its edges run straight to the rim
    if (from.layer[1] - from.end > 1) {
      middle.unshift(point(from.layer[1], side));
    }
    if (to.start - to.layer[0] > 1) {
      middle.push(point(to.layer[0], to.middle));
    }
    const [x, y] = point(from.end, side);
    const room = across ? Math.max(from.side / ((from.box.node.ports?.length ?? 1) + 1) - 8, 30) : 82;
    const label = edge.label ? { text: edge.label, x, y, across, room } : null;
    return { edge, across, label, points: [[x, y], ...middle, point(to.start, to.middle)] };
  });
  for (const edge of back) {
    const from = items.get(edge.source);
    const to = items.get(edge.target);
    edges.push({ edge, across, points: [point(from.end, from.middle), point(to.start, to.middle)] });
  }
  const all = boxes.map((box) => [box.x + box.width, box.y + box.height]);
  const bends = chains.flatMap(({ through }) => through.slice(1, -1).map((id) => items.get(id).middle + 8));
  const size = [Math.max(0, ...all.map(([x]) => x)), Math.max(0, ...all.map(([, y]) => y))];
  size[across ? 0 : 1] = Math.max(size[across ? 0 : 1], ...bends);
  return { boxes, edges, width: size[0], height: size[1] };
}

function portSide(one, port) {
  const ports = one.box.node.ports ?? [];
  const at = ports.findIndex((known) => known.name === port);
  if (ports.length < 2 || at < 0) {
    return one.middle;
  }
  return one.middle - one.side / 2 + ((at + 1) * one.side) / (ports.length + 1);
}

/** A smooth curve through points, leaving and arriving along the long axis. */
function pathOf(points, across) {
  const [first, ...rest] = points;
  let path = `M${first.join(" ")}`;
  let [x, y] = first;
  for (const [nx, ny] of rest) {
    const bend = Math.max(Math.abs(across ? ny - y : nx - x) / 2, 12);
    path += across ? `C${x} ${y + bend} ${nx} ${ny - bend} ${nx} ${ny}` : `C${x + bend} ${y} ${nx - bend} ${ny} ${nx} ${ny}`;
    [x, y] = [nx, ny];
  }
  return path;
}
