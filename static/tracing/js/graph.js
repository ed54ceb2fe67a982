// The graph of a trace: what kinds of steps there were and in which order they followed each other.
import { gettext, interpolate, ngettext } from "../../core/js/i18n.js";
import { cost, count, el, span } from "./format.js";
import { graphOf, layout, NODE_HEIGHT, NODE_WIDTH } from "./graph_model.js";
import { ICONS } from "./tree.js";

const SVG = "http://www.w3.org/2000/svg";
const NAME_CHARS = 19;

function draw(tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.textContent = text;
  return node;
}

export class Graph {
  /** `onChoose(step, steps)` gets the chosen step and all of its kind. */
  constructor(box, tree, onChoose) {
    this.box = box;
    this.tree = tree;
    this.onChoose = onChoose;
    box.addEventListener("click", (event) => this.onClick(event));
    box.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** Draw it when it is seen for the first time. */
  open() {
    if (this.graph) {
      return;
    }
    this.graph = graphOf(this.tree);
    const { width, height } = layout(this.graph);
    this.byKey = new Map(this.graph.groups.map((group) => [group.key, group]));
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": gettext("Graph of the steps") });
    svg.append(arrowHead(), ...this.graph.edges.map((edge) => this.edge(edge)), ...this.graph.groups.map((group, at) => this.node(group, at)));
    this.box.replaceChildren(svg);
    if (this.graph.hidden) {
      const text = ngettext("%(number)s rarer kind of step is not drawn.", "%(number)s rarer kinds of steps are not drawn.", this.graph.hidden);
      this.box.append(el("p", "fw-small fw-muted", interpolate(text, { number: count(this.graph.hidden) })));
    }
    if (this.graph.hiddenEdges) {
      const text = ngettext("%(number)s rarer transition is not drawn.", "%(number)s rarer transitions are not drawn.", this.graph.hiddenEdges);
      this.box.append(el("p", "fw-small fw-muted", interpolate(text, { number: count(this.graph.hiddenEdges) })));
    }
    this.mark(this.chosen);
    this.reveal(svg.querySelector("[aria-pressed=true]") ?? svg.querySelector(".tr-graph__node"));
  }

  /** A graph may be wider than its box: begin where the chosen kind is. */
  reveal(node) {
    if (node) {
      const [inner, outer] = [node.getBoundingClientRect(), this.box.getBoundingClientRect()];
      this.box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
      this.box.scrollTop += Math.min(inner.top - outer.top - inner.height, 0) || Math.max(inner.bottom - outer.bottom + inner.height, 0);
    }
  }

  /** Show which kind the chosen step is of. */
  mark(step) {
    this.chosen = step;
    if (!this.graph) {
      return;
    }
    this.box.querySelectorAll(".tr-graph__node").forEach((node) => {
      const group = this.graph.groups[Number(node.dataset.at)];
      const at = group.steps.indexOf(step);
      node.setAttribute("aria-pressed", String(at >= 0));
      node.querySelector(".tr-graph__place").textContent = at >= 0 && group.steps.length > 1 ? `${at + 1}/${group.steps.length}` : "";
    });
  }

  node(group, at) {
    const node = draw("g", {
      class: `tr-graph__node tr-kind--${group.type}`,
      transform: `translate(${group.x - NODE_WIDTH / 2} ${group.y - NODE_HEIGHT / 2})`,
      role: "button",
      tabindex: at ? "-1" : "0",
      "aria-pressed": "false",
      "aria-label": this.told(group),
    });
    node.dataset.at = at;
    const room = group.steps.length > 1 ? NAME_CHARS - 6 : NAME_CHARS;
    const name = group.name.length > room ? `${group.name.slice(0, room - 1)}…` : group.name;
    node.append(
      draw("title", {}, this.told(group)),
      draw("rect", { class: `tr-graph__box${group.errors ? " tr-graph__box--error" : ""}`, width: NODE_WIDTH, height: NODE_HEIGHT, rx: 6 }),
      draw("text", { class: "material-symbols-outlined tr-graph__icon", x: 10, y: 29 }, ICONS[group.type] ?? ICONS.span),
      draw("text", { class: "tr-graph__name", x: 34, y: 20 }, name),
      draw("text", { class: "tr-graph__figures", x: 34, y: 37 }, this.figures(group)),
      draw("text", { class: "tr-graph__place", x: NODE_WIDTH - 8, y: 20, "text-anchor": "end" }),
    );
    return node;
  }

  figures(group) {
    const parts = [`${count(group.steps.length)}×`, span(group.time / group.steps.length)];
    if (group.errors) {
      parts.push(interpolate(ngettext("%(number)s error", "%(number)s errors", group.errors), { number: count(group.errors) }));
    }
    return parts.join(" · ");
  }

  told(group) {
    const parts = [
      `${group.name} (${group.type})`,
      interpolate(ngettext("%(number)s step", "%(number)s steps", group.steps.length), { number: count(group.steps.length) }),
      interpolate(gettext("%(time)s on average"), { time: span(group.time / group.steps.length) }),
    ];
    if (group.errors) {
      parts.push(interpolate(ngettext("%(number)s error", "%(number)s errors", group.errors), { number: count(group.errors) }));
    }
    if (group.cost) {
      parts.push(cost(group.cost));
    }
    return parts.join(", ");
  }

  edge(edge) {
    const [from, to] = [this.byKey.get(edge.from), this.byKey.get(edge.to)];
    const group = draw("g", { class: "tr-graph__edge" });
    const width = Math.min(1 + Math.log2(edge.count), 4);
    const { path, x, y } = way(from, to);
    group.append(draw("path", { d: path, "stroke-width": width, "marker-end": "url(#tr-arrow)" }));
    if (edge.count > 1) {
      group.append(draw("text", { class: "tr-graph__count", x, y, "text-anchor": "middle" }, `${count(edge.count)}×`));
    }
    return group;
  }

  onClick(event) {
    const node = event.target.closest(".tr-graph__node");
    if (node) {
      this.choose(node);
    }
  }

  /** The first step of a kind; again, the next one. */
  choose(node) {
    const { steps } = this.graph.groups[Number(node.dataset.at)];
    const step = steps[(steps.indexOf(this.chosen) + 1) % steps.length];
    this.focus(node);
    this.onChoose(step, steps);
    this.mark(step);
  }

  focus(node) {
    this.box.querySelectorAll("[tabindex='0']").forEach((other) => other.setAttribute("tabindex", "-1"));
    node.setAttribute("tabindex", "0");
    node.focus();
  }

  onKey(event) {
    const node = event.target.closest(".tr-graph__node");
    const directions = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
    if (!node || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(node);
    } else if (event.key in directions) {
      event.preventDefault();
      const next = this.nearest(this.graph.groups[Number(node.dataset.at)], directions[event.key]);
      if (next >= 0) {
        this.focus(this.box.querySelector(`[data-at="${next}"]`));
      }
    }
  }

  /** Number of the group that lies next in a direction. */
  nearest(from, [dx, dy]) {
    let best = -1;
    let least = Infinity;
    this.graph.groups.forEach((group, at) => {
      const along = (group.x - from.x) * dx + (group.y - from.y) * dy;
      const across = Math.abs((group.x - from.x) * dy) + Math.abs((group.y - from.y) * dx);
      if (along > 1 && along + across * 2 < least) {
        least = along + across * 2;
        best = at;
      }
    });
    return best;
  }
}

function arrowHead() {
  const marker = draw("marker", { id: "tr-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" });
  marker.append(draw("path", { class: "tr-graph__head", d: "M0 0 8 4 0 8z" }));
  const defs = draw("defs");
  defs.append(marker);
  return defs;
}

/** The line between two nodes, and where its label stands: down, or round the right side when it leads back. */
function way(from, to) {
  const half = NODE_HEIGHT / 2;
  if (to.rank > from.rank) {
    const bend = (to.y - from.y) / 2;
    const path = `M${from.x} ${from.y + half}C${from.x} ${from.y + bend + half / 2} ${to.x} ${to.y - bend - half / 2} ${to.x} ${to.y - half}`;
    return { path, x: (from.x + to.x) / 2 + 14, y: (from.y + to.y) / 2 + 4 };
  }
  const [startX, endX] = [from.x + NODE_WIDTH / 2, to.x + NODE_WIDTH / 2];
  const out = Math.max(startX, endX) + 22;
  const [startY, endY] = from === to ? [from.y + 10, from.y - 10] : [from.y, to.y];
  return { path: `M${startX} ${startY}C${out} ${startY} ${out} ${endY} ${endX} ${endY}`, x: out - 2, y: (startY + endY) / 2 + 4 };
}
