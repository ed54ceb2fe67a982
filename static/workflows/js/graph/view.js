// Draws a workflow as SVG: nodes with icon, title and state, containers as boxes with a round selector, pan and zoom.
// A list of the same nodes stands beside it on every page; the drawing itself is also walked with the arrow keys.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, iconButton, svg } from "../dom.js";
import { HEAD, layout, NODE } from "./layout.js";

const MARGIN = 20;
const MIN_SCALE = 0.15;
const MAX_SCALE = 2;

const STATE_ICONS = {
  running: "progress_activity",
  retrying: "replay",
  waiting: "hourglass_top",
  succeeded: "check_circle",
  handled: "error",
  failed: "cancel",
  stopped: "do_not_disturb_on",
  skipped: "remove",
};

const pen = document.createElement("canvas").getContext("2d");

/** Cut a text to a width in pixels. */
function fit(text, width, font) {
  pen.font = font;
  if (pen.measureText(text).width <= width) {
    return text;
  }
  const letters = [...text];
  let low = 0;
  let high = letters.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pen.measureText(`${letters.slice(0, middle).join("")}…`).width <= width) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return `${letters.slice(0, low).join("").trimEnd()}…`;
}

export class GraphView extends EventTarget {
  #scale = 1;
  #x = 0;
  #y = 0;
  #touched = false;
  #pointers = new Map();
  #states = new Map();
  #rounds = new Map();
  #problems = new Map();

  /**
   * Fires `choose` (detail: node id or null), `round` (detail: {id, index}), and `rounds` (detail: {id, count}) when
   * somebody wants to say which. grow: [least pixels, most as a share of
   * the window]: the height follows the graph in between; without it the style sheet sets the height.
   */
  constructor(root, { label = gettext("Graph of the workflow"), empty = gettext("Nothing to draw yet."), grow = null } = {}) {
    super();
    this.root = root;
    this.grow = grow;
    root.classList.add("wf-graph");
    this.empty = el("p", { class: "wf-graph__empty fw-muted", text: empty, hidden: true });
    this.world = svg("g");
    this.svg = svg("svg", { class: "wf-graph__svg", role: "group", "aria-label": label, tabindex: "0" }, [marker(), this.world]);
    const tools = el("div", { class: "wf-graph__tools fw-row", role: "group", "aria-label": gettext("View") }, [
      iconButton("add", gettext("Zoom in"), () => this.zoom(1.25)),
      iconButton("remove", gettext("Zoom out"), () => this.zoom(0.8)),
      iconButton("fit_screen", gettext("Show all"), () => this.fit()),
    ]);
    root.replaceChildren(this.svg, this.empty, tools);
    this.#listen();
    new ResizeObserver(() => this.#resized()).observe(root);
  }

  /** Draw a graph (see layout.js); the view stays where the person put it unless the nodes are others. */
  setGraph(graph) {
    const shape = JSON.stringify([graph.nodes.map((node) => [node.id, node.parent]), graph.edges]);
    const known = shape === this.shape;
    this.shape = shape;
    this.graph = { nodes: graph.nodes, edges: withLabels(graph) };
    this.byId = new Map(graph.nodes.map((node) => [node.id, node]));
    this.empty.hidden = graph.nodes.length > 0;
    if (!known) {
      this.#touched = false;
    }
    this.#lay();
  }

  /** States by node id: {state, note}. */
  setStates(states) {
    this.#states = states;
    this.#paintStates();
  }

  /** Rounds of containers by id: {index, count, states: [state]}. */
  setRounds(rounds) {
    this.#rounds = rounds;
    this.#paintRounds();
  }

  /** Worst severity of problems by node id. */
  setProblems(problems) {
    this.#problems = problems;
    this.#paintStates();
  }

  choose(id, { reveal = true } = {}) {
    this.chosen = id;
    this.world.querySelectorAll("[data-node]").forEach((node) => {
      node.toggleAttribute("aria-current", node.dataset.node === id);
    });
    if (reveal && id) {
      this.reveal(id);
    }
  }

  /** Move the view so that a node is in sight. */
  reveal(id) {
    const box = this.placed?.nodes.get(id);
    const { width, height } = this.#size();
    if (!box || !width) {
      return;
    }
    const left = box.x * this.#scale + this.#x;
    const top = box.y * this.#scale + this.#y;
    const seen = left >= 0 && top >= 0 && left + box.width * this.#scale <= width && top + box.height * this.#scale <= height;
    if (!seen) {
      this.#x = width / 2 - (box.x + box.width / 2) * this.#scale;
      this.#y = height / 2 - (box.y + Math.min(box.height, 120) / 2) * this.#scale;
      this.#move();
    }
  }

  fit() {
    this.#touched = false;
    this.#lay();
  }

  zoom(factor, [x, y] = [this.#size().width / 2, this.#size().height / 2]) {
    const scale = Math.min(Math.max(this.#scale * factor, MIN_SCALE), MAX_SCALE);
    this.#x = x - ((x - this.#x) * scale) / this.#scale;
    this.#y = y - ((y - this.#y) * scale) / this.#scale;
    this.#scale = scale;
    this.#touched = true;
    this.#move();
  }

  /* ---- drawing ---- */

  #size() {
    return { width: this.root.clientWidth, height: this.root.clientHeight };
  }

  #resized() {
    if (!this.#touched && this.graph) {
      this.#lay();
    }
  }

  /** Both directions are tried: the one that can be shown larger wins. */
  #lay() {
    const { width } = this.#size();
    const height = this.grow ? Math.max(this.grow[0], innerHeight * this.grow[1]) : this.#size().height;
    if (!width || !height) {
      return;
    }
    const tries = ["right", "down"].map((direction) => ({ direction, placed: this.#laid(direction) }));
    tries.forEach((one) => {
      one.scale = Math.min((width - 2 * MARGIN) / one.placed.width, (height - 2 * MARGIN) / one.placed.height);
    });
    // a graph that is larger than the pane either way is read along its shorter side
    const best = tries.reduce((a, b) => (Math.min(b.scale, 1) > Math.min(a.scale, 1) * 1.02 ? b : a));
    if (this.#touched && this.placed) {
      return this.#draw(this.#laid(this.direction));
    }
    this.direction = best.direction;
    this.#draw(best.placed);
    this.#scale = Math.min(Math.max(best.scale, 0.42), 1);
    const shown = { width: best.placed.width * this.#scale, height: best.placed.height * this.#scale };
    const room = this.grow ? Math.min(Math.max(shown.height + 2 * MARGIN, this.grow[0]), height) : height;
    if (this.grow) {
      this.root.style.height = `${Math.round(room)}px`;
    }
    this.#x = shown.width + 2 * MARGIN <= width ? (width - shown.width) / 2 : MARGIN;
    this.#y = shown.height + 2 * MARGIN <= room ? (room - shown.height) / 2 : MARGIN;
    this.#move();
  }

  #laid(direction) {
    if (this.cache?.graph !== this.graph) {
      this.cache = { graph: this.graph };
    }
    return (this.cache[direction] ??= layout(this.graph, direction));
  }

  #draw(placed) {
    if (placed === this.placed) {
      return;
    }
    this.placed = placed;
    this.world.replaceChildren(...this.#layers(placed));
    this.#paintStates();
    this.#paintRounds();
    this.choose(this.chosen, { reveal: false });
  }

  /** What is to be drawn, level by level: what a container holds lies on top of it. */
  #layers(placed) {
    const depth = (node) => (node?.parent ? 1 + depth(this.byId.get(node.parent)) : 0);
    const levels = [];
    const level = (node) => (levels[depth(node)] ??= { edges: [], boxes: [], labels: [] });
    placed.nodes.forEach((box) => level(box.node).boxes.push(box.node.container ? this.#container(box) : this.#node(box)));
    for (const one of placed.edges) {
      const { edges, labels } = level(this.byId.get(one.edge.source));
      edges.push(this.#edge(one));
      labels.push(...(one.label ? [edgeLabel(one.label)] : []));
    }
    return levels.flatMap(({ edges, boxes, labels }) => [...edges, ...boxes, ...labels]);
  }

  #edge({ edge, path }) {
    return svg("path", {
      class: `wf-edge${edge.port === "error" ? " wf-edge--error" : ""}`, d: path, "marker-end": "url(#wf-arrow)",
      "data-source": edge.source, "data-target": edge.target, "data-port": edge.port,
    });
  }

  #frame(box, children) {
    const { node } = box;
    const group = svg("g", {
      class: `wf-node wf-node--${node.group ?? "other"}${node.container ? " wf-node--container" : ""}${node.type === "comment" ? " wf-node--comment" : ""}`,
      transform: `translate(${box.x} ${box.y})`, "data-node": node.id, role: "button", tabindex: "-1",
      "aria-label": `${node.title} (${node.typeTitle ?? node.type})`,
    }, [
      svg("title", { text: `${node.title}\n${node.id} · ${node.typeTitle ?? node.type}` }),
      svg("rect", { class: "wf-node__box", width: box.width, height: box.height, rx: 10 }),
      ...children,
    ]);
    group.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#chosen(node.id);
    });
    return group;
  }

  #node(box) {
    const { node, height, width } = box;
    const middle = height / 2;
    return this.#frame(box, [
      svg("rect", { class: "wf-node__tile", x: 10, y: middle - 16, width: 32, height: 32, rx: 8 }),
      svg("text", { class: "wf-node__icon material-symbols-outlined", x: 26, y: middle, text: node.icon ?? "widgets" }),
      svg("text", { class: "wf-node__title", x: 52, y: middle - 4, text: fit(node.title, width - 84, "600 13px Inter, sans-serif") }),
      svg("text", { class: "wf-node__sub", x: 52, y: middle + 13, "data-sub": true }),
      svg("text", { class: "wf-node__state material-symbols-outlined", x: width - 19, y: middle, "data-state-icon": true }),
    ]);
  }

  #container(box) {
    const { node, width } = box;
    const hollow = !this.graph.nodes.some((other) => other.parent === node.id);
    return this.#frame(box, [
      svg("text", { class: "wf-node__icon material-symbols-outlined", x: 22, y: HEAD / 2 + 1, text: node.icon ?? "repeat" }),
      svg("text", { class: "wf-node__title", x: 40, y: HEAD / 2 + 5, text: fit(node.title, width - 194, "600 13px Inter, sans-serif") }),
      svg("g", { class: "wf-rounds", "data-rounds": true, transform: `translate(${width - 34} ${HEAD / 2})` }),
      svg("text", { class: "wf-node__state material-symbols-outlined", x: width - 19, y: HEAD / 2, "data-state-icon": true }),
      hollow ? svg("text", { class: "wf-node__sub", x: 20, y: HEAD + 30, text: gettext("The body is empty.") }) : null,
    ]);
  }

  #paintStates() {
    for (const group of this.world.querySelectorAll("[data-node]")) {
      const { state, note = "" } = this.#states.get(group.dataset.node) ?? {};
      const problem = this.#problems.get(group.dataset.node);
      const node = this.byId.get(group.dataset.node);
      setData(group, "state", state);
      setData(group, "problem", problem);
      const sign = group.querySelector("[data-state-icon]");
      sign.textContent = problem ? (problem === "warning" ? "warning" : "error") : (STATE_ICONS[state] ?? "");
      const sub = group.querySelector("[data-sub]");
      if (sub) {
        const text = note || node.typeTitle || node.type;
        sub.textContent = fit(text, NODE.width - 84, "11.5px Inter, sans-serif");
      }
    }
    for (const path of this.world.querySelectorAll(".wf-edge")) {
      const source = this.#states.get(path.dataset.source);
      const target = this.#states.get(path.dataset.target);
      const taken = source?.ports ? source.ports.includes(path.dataset.port) : false;
      setData(path, "taken", taken && target?.state && target.state !== "skipped" ? "yes" : taken ? "half" : null);
    }
  }

  #paintRounds() {
    for (const place of this.world.querySelectorAll("[data-rounds]")) {
      const id = place.parentNode.dataset.node;
      const rounds = this.#rounds.get(id);
      if (!rounds?.count) {
        place.replaceChildren();
        continue;
      }
      const { index, count } = rounds;
      const step = (to, symbol, x, label) => svg("g", {
        class: "wf-rounds__step", role: "button", "aria-label": label, "aria-disabled": to < 0 || to >= count ? "true" : null,
        onclick: (event) => {
          event.stopPropagation();
          if (to >= 0 && to < count) {
            this.dispatchEvent(new CustomEvent("round", { detail: { id, index: to } }));
          }
        },
      }, [
        svg("rect", { x: x - 11, y: -11, width: 22, height: 22, rx: 6 }),
        svg("text", { class: "material-symbols-outlined", x, y: 0, text: symbol }),
      ]);
      const text = interpolate(gettext("%(n)s of %(total)s"), { n: index + 1, total: count });
      place.replaceChildren(
        step(index - 1, "chevron_left", -112, gettext("Round before")),
        svg("text", {
          class: "wf-rounds__text", x: -60, y: 4, text, role: "button", "aria-label": gettext("Choose a round"),
          onclick: (event) => {
            event.stopPropagation();
            this.dispatchEvent(new CustomEvent("rounds", { detail: { id, count } }));
          },
        }),
        step(index + 1, "chevron_right", -10, gettext("Next round")),
      );
    }
  }

  /* ---- moving ---- */

  #move() {
    this.world.setAttribute("transform", `translate(${this.#x.toFixed(2)} ${this.#y.toFixed(2)}) scale(${this.#scale.toFixed(4)})`);
  }

  #listen() {
    this.svg.addEventListener("pointerdown", (event) => this.#down(event));
    this.svg.addEventListener("pointermove", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.svg.addEventListener(type, (event) => this.#pointers.delete(event.pointerId));
    }
    this.svg.addEventListener("click", () => this.moved || this.#chosen(null));
    this.svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.svg.addEventListener("keydown", (event) => this.#key(event));
  }

  #down(event) {
    if (event.button !== 0) {
      return;
    }
    this.moved = false;
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      return;
    }
    const now = [event.clientX, event.clientY];
    if (!this.moved && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) {
      return;
    }
    if (!this.moved) {
      this.moved = true;
      this.svg.setPointerCapture(event.pointerId);
    }
    this.#touched = true;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const { left, top } = this.svg.getBoundingClientRect();
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      this.zoom(apart(now) / apart(before), [(now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top]);
      return;
    }
    this.#x += now[0] - before[0];
    this.#y += now[1] - before[1];
    this.#move();
  }

  /** Ctrl and the wheel (or two fingers on a pad) zoom; the plain wheel scrolls the page. */
  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) {
      return;
    }
    event.preventDefault();
    const { left, top } = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 300), [event.clientX - left, event.clientY - top]);
  }

  #key(event) {
    const along = this.direction === "down" ? ["ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft"] : ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"];
    const at = along.indexOf(event.key);
    if (event.key === "+" || event.key === "=" || event.key === "-") {
      event.preventDefault();
      this.zoom(event.key === "-" ? 0.8 : 1.25);
    } else if (event.key === "0") {
      this.fit();
    } else if (event.key === "Enter" && this.chosen) {
      this.dispatchEvent(new CustomEvent("open", { detail: this.chosen }));
    } else if (at >= 0 && this.graph?.nodes.length) {
      event.preventDefault();
      this.#chosen(this.#neighbour(at), true);
    }
  }

  /** The next node along an edge (0), the one before (1), or a sibling of its layer (2, 3). */
  #neighbour(direction) {
    const { nodes, edges } = this.graph;
    const here = this.byId.get(this.chosen);
    if (!here) {
      return nodes[0].id;
    }
    if (direction === 0) {
      return edges.find((edge) => edge.source === here.id)?.target ?? nodes.find((node) => node.parent === here.id)?.id ?? here.id;
    }
    if (direction === 1) {
      return edges.find((edge) => edge.target === here.id)?.source ?? here.parent ?? here.id;
    }
    const near = nodes.filter((node) => (node.parent ?? null) === (here.parent ?? null));
    const at = near.findIndex((node) => node.id === here.id);
    return near[(at + (direction === 2 ? 1 : -1) + near.length) % near.length].id;
  }

  #chosen(id, reveal = false) {
    if (this.moved && !reveal) {
      return;
    }
    this.choose(id, { reveal });
    this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }
}

function setData(element, name, value) {
  if (value) {
    element.dataset[name] = value;
  } else {
    delete element.dataset[name];
  }
}

/** An edge carries its port's title when its source has several ways out. */
function withLabels({ nodes, edges }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const seen = new Set();
  return edges.map((edge) => {
    const ports = byId.get(edge.source)?.ports ?? [];
    const place = `${edge.source}/${edge.port}`;
    const first = !seen.has(place);
    seen.add(place);
    const port = ports.find((known) => known.name === edge.port);
    return { ...edge, label: ports.length > 1 && first ? port?.title || (edge.port === "out" ? "" : edge.port) : "" };
  });
}

function edgeLabel({ text, x, y, across, room }) {
  const shown = fit(text, room, "11px Inter, sans-serif");
  const place = across ? { x: x + 6, y: y + 14 } : { x: x + 8, y: y - 5 };
  return svg("text", { class: "wf-edge__label", ...place }, [svg("title", { text }), shown]);
}

function marker() {
  const arrow = (id, name) => svg("marker", {
    id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", class: name,
  }, [svg("path", { d: "M0 0L8 4L0 8z" })]);
  return svg("defs", {}, [arrow("wf-arrow", "wf-arrow")]);
}
