// Tree and timeline in one list. Only the rows in sight exist in the page, so that thousands cost nothing.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { axisTime, cost, count, el, icon, span } from "./format.js";
import { ICONS, visibleRows } from "./tree.js";

const HEIGHT = 32;
const MARGIN = 10;
const TICKS = 3;

/** Where a bar's duration has room: behind it, before it, or on it. */
function placeOfText(from, width) {
  if (from + width < 0.75) {
    return "";
  }
  return from > 0.2 ? "tr-bar__text--before" : "tr-bar__text--inside";
}

export class Rows {
  /** `onChoose(node)` is called when a row is chosen; `noted(node)` says whether somebody commented on it. */
  constructor(root, { tree, start, end, noted = () => false, onChoose }) {
    this.box = root.querySelector("[data-rows]");
    this.axis = root.querySelector("[data-axis]");
    this.tree = tree;
    this.start = start;
    this.length = Math.max(end - start, 1);
    this.noted = noted;
    this.onChoose = onChoose;
    this.search = "";
    this.canvas = el("div", "tr-rows__canvas", "", { role: "presentation" });
    this.box.append(this.canvas);
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.box.addEventListener("click", (event) => this.onClick(event));
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.drawAxis();
    this.refresh();
  }

  /** Choose a node, unfold what hides it and bring it into sight. */
  choose(node, { scroll = true } = {}) {
    for (let above = node.above; above; above = above.above) {
      above.folded = false;
    }
    this.chosen = node;
    this.refresh();
    if (scroll) {
      this.show(this.rows.indexOf(node));
    }
    this.onChoose(node);
  }

  /** Mark steps that belong together. */
  group(nodes) {
    this.grouped = new Set(nodes);
    this.draw();
  }

  find(text) {
    this.search = text;
    this.box.scrollTop = 0;
    this.refresh();
  }

  /** Fold all below the roots, or unfold all when something is folded. */
  toggleAll() {
    const inner = [...this.tree.nodes.values()].filter((node) => node.children.length && node.depth > 0);
    const fold = !inner.some((node) => node.folded);
    inner.forEach((node) => {
      node.folded = fold;
    });
    this.refresh();
  }

  refresh() {
    this.rows = visibleRows(this.tree.roots, this.search);
    this.canvas.style.setProperty("--rows", this.rows.length);
    this.draw();
  }

  draw() {
    const first = Math.max(Math.floor(this.box.scrollTop / HEIGHT) - MARGIN, 0);
    const last = Math.min(Math.ceil((this.box.scrollTop + this.box.clientHeight) / HEIGHT) + MARGIN, this.rows.length);
    const shown = [];
    for (let at = first; at < last; at += 1) {
      shown.push(this.row(this.rows[at], at));
    }
    this.canvas.replaceChildren(...shown);
    if (this.chosen) {
      this.box.setAttribute("aria-activedescendant", `step-${this.chosen.id}`);
    }
  }

  row(node, at) {
    const row = el("div", "tr-row", "", {
      id: `step-${node.id}`,
      role: "treeitem",
      "aria-level": String(node.depth + 1),
      "aria-selected": String(node === this.chosen),
      "aria-setsize": String(this.rows.length),
      "aria-posinset": String(at + 1),
    });
    if (node.children.length) {
      row.setAttribute("aria-expanded", String(!node.folded));
    }
    row.style.setProperty("--at", at);
    row.dataset.id = node.id;
    row.classList.toggle("tr-row--grouped", Boolean(this.grouped?.has(node)));
    row.append(this.label(node), this.bar(node));
    return row;
  }

  label(node) {
    const cell = el("div", "tr-row__label");
    cell.style.setProperty("--depth", this.search ? 0 : Math.min(node.depth, 24));
    const fold = node.children.length && !this.search ? icon(node.folded ? "chevron_right" : "expand_more", "tr-fold") : el("span", "tr-fold");
    const kind = icon(ICONS[node.type] ?? ICONS.span, `tr-kind tr-kind--${node.type}`);
    kind.title = node.type;
    const name = el("span", "tr-row__name", node.name, { title: node.name });
    cell.append(fold, kind, name);
    if (node.error) {
      cell.append(icon("error", "tr-row__error"));
    }
    if (this.noted(node)) {
      const mark = icon("chat_bubble", "tr-row__noted");
      mark.title = gettext("Has comments");
      cell.append(mark);
    }
    const figures = el("span", "tr-row__figures");
    figures.append(el("span", "", span(node.end - node.start)));
    if (node.totalTokens) {
      figures.append(el("span", "tr-row__tokens", interpolate(gettext("%(n)s tokens"), { n: count(node.totalTokens) })));
    }
    if (node.totalCost) {
      figures.append(el("span", "tr-row__cost", cost(node.totalCost)));
    }
    cell.append(figures);
    return cell;
  }

  bar(node) {
    const cell = el("div", "tr-row__time");
    const bar = el("div", `tr-bar tr-kind--${node.type}${node.error ? " tr-bar--error" : ""}`);
    const from = (node.start - this.start) / this.length;
    const width = (node.end - node.start) / this.length;
    bar.style.setProperty("--from", from);
    bar.style.setProperty("--width", width);
    if (node.ttft) {
      bar.style.setProperty("--first", Math.min((node.ttft * 1000) / Math.max(node.end - node.start, 1), 1));
      bar.append(el("span", "tr-bar__first"));
    }
    const text = el("span", `tr-bar__text ${placeOfText(from, width)}`, span(node.end - node.start));
    text.style.setProperty("--from", from);
    text.style.setProperty("--width", width);
    cell.append(bar, text);
    return cell;
  }

  drawAxis() {
    for (let tick = 0; tick <= TICKS; tick += 1) {
      const mark = el("span", "tr-axis__mark", axisTime((this.length * tick) / TICKS, this.length));
      mark.style.setProperty("--from", tick / TICKS);
      this.axis.append(mark);
    }
  }

  show(at) {
    const top = at * HEIGHT;
    if (top < this.box.scrollTop) {
      this.box.scrollTop = top;
    } else if (top + HEIGHT > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = top + HEIGHT - this.box.clientHeight;
    }
  }

  onClick(event) {
    const row = event.target.closest(".tr-row");
    if (!row) {
      return;
    }
    const node = this.tree.nodes.get(row.dataset.id);
    if (event.target.closest(".tr-fold") && node.children.length) {
      node.folded = !node.folded;
      this.refresh();
    } else {
      this.choose(node, { scroll: false });
    }
  }

  onKey(event) {
    const at = this.rows.indexOf(this.chosen);
    const moves = {
      ArrowDown: () => this.rows[at + 1],
      ArrowUp: () => this.rows[at - 1],
      Home: () => this.rows[0],
      End: () => this.rows.at(-1),
      PageDown: () => this.rows[Math.min(at + 15, this.rows.length - 1)],
      PageUp: () => this.rows[Math.max(at - 15, 0)],
      ArrowRight: () => this.unfold(),
      ArrowLeft: () => this.fold(),
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    const next = moves[event.key]();
    if (next && next !== this.chosen) {
      this.choose(next);
    }
  }

  unfold() {
    const node = this.chosen;
    if (node?.folded) {
      node.folded = false;
      this.refresh();
      return undefined;
    }
    return node?.children[0];
  }

  fold() {
    const node = this.chosen;
    if (node?.children.length && !node.folded) {
      node.folded = true;
      this.refresh();
      return undefined;
    }
    return node?.above;
  }
}
