// The parts of a page of figures that are not over time: numbers, bars by value, tables, distributions.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { Chart, figure, niceTop, svg } from "./chart.js";
import { count, el, span } from "./format.js";

function empty() {
  return el("p", "fw-muted fw-small", gettext("Nothing in this time range."));
}

function link(url, text) {
  const node = el(url ? "a" : "span", "tr-cell", text);
  if (url) {
    node.href = url;
  }
  return node;
}

/** The first metric large, the others below it with their names. */
function number(widget) {
  const box = el("div", "tr-number");
  const [row] = widget.rows;
  const first = el(row.url ? "a" : "span", "tr-number__value", figure(row.figures[0], widget.metrics[0].unit));
  if (row.url) {
    first.href = row.url;
  }
  box.append(first);
  widget.metrics.slice(1).forEach((metric, at) => {
    box.append(el("span", "fw-small fw-muted", `${metric.title} ${figure(row.figures[at + 1], metric.unit)}`));
  });
  return box;
}

function table(widget) {
  const node = el("table", "fw-table");
  const head = el("tr");
  if (widget.dimension) {
    head.append(el("th", "", gettext("Name"), { scope: "col" }));
  }
  widget.metrics.forEach((metric) => head.append(el("th", "fw-number", metric.title, { scope: "col" })));
  const body = el("tbody");
  for (const row of widget.rows) {
    const line = el("tr");
    if (widget.dimension) {
      const cell = el("td", "tr-cell");
      cell.append(link(row.url, row.name));
      line.append(cell);
    }
    row.figures.forEach((value, at) => line.append(el("td", "fw-number", figure(value, widget.metrics[at].unit))));
    body.append(line);
  }
  const top = el("thead");
  top.append(head);
  node.append(top, body);
  const scroll = el("div", "tr-widget__scroll");
  scroll.append(widget.rows.length ? node : empty());
  return scroll;
}

/** One bar a line: long names have room. */
function bars(widget) {
  if (!widget.rows.length) {
    return empty();
  }
  const top = Math.max(...widget.rows.map((row) => row.figures[0] ?? 0)) || 1;
  const list = el("div", "tr-bars tr-widget__scroll");
  for (const row of widget.rows) {
    const line = el("div", "tr-bars__line");
    const drawing = svg("svg", "tr-bars__svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    drawing.append(svg("rect", "tr-bars__bar", { width: ((row.figures[0] ?? 0) / top) * 100, height: 10 }));
    line.append(link(row.url, row.name), drawing, el("span", "fw-number", figure(row.figures[0], widget.unit)));
    list.append(line);
  }
  return list;
}

function distribution(widget) {
  if (!widget.bars.length) {
    return empty();
  }
  const top = niceTop(Math.max(...widget.bars.map((bar) => bar.count)));
  const width = 100 / widget.bars.length;
  const drawing = svg("svg", "tr-distribution", {
    viewBox: "0 0 100 100",
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": widget.title,
    tabindex: "0",
  });
  const tip = el("p", "tr-chart__tip", gettext("Point at a bar to see how many there are."), { "aria-live": "polite" });
  const tell = (bar) => {
    const range = { from: span(bar.from * 1000), to: span(bar.to * 1000), count: count(bar.count) };
    tip.textContent = interpolate(gettext("%(from)s to %(to)s: %(count)s"), range);
  };
  widget.bars.forEach((bar, at) => {
    const height = (bar.count / top) * 100;
    const shape = { x: at * width + width * 0.08, y: 100 - height, width: width * 0.84, height };
    const slot = svg("rect", "tr-chart__slot", { x: at * width, y: 0, width, height: 100 });
    drawing.append(svg("rect", "tr-bars__bar", shape), slot);
    slot.addEventListener("mouseenter", () => tell(bar));
  });
  let chosen = -1;
  drawing.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move) {
      event.preventDefault();
      chosen = Math.min(Math.max(chosen + move, 0), widget.bars.length - 1);
      tell(widget.bars[chosen]);
    }
  });
  const ends = el("div", "tr-distribution__ends fw-small fw-muted");
  ends.append(el("span", "", span(widget.bars[0].from * 1000)), el("span", "", span(widget.bars.at(-1).to * 1000)));
  const box = el("div", "tr-chart");
  box.append(drawing, ends, tip);
  return box;
}

const KINDS = { number, table, bar: bars, histogram: distribution };

/** Where a part of a widget leads: its list with the range (`time`), the widget's filters and the part's own. */
function address(widget, time, part) {
  return widget.list ? `${widget.list}?${[time, widget.query, part?.query].filter(Boolean).join("&")}` : "";
}

/** The card of a widget; `data` is what the page holds. */
export function draw(widget, data) {
  for (const part of [...(widget.series ?? []), ...(widget.rows ?? [])]) {
    part.url = address(widget, data.range, part);
  }
  const card = el("section", `fw-card tr-widget tr-w-${widget.width} tr-h-${widget.height}`);
  const head = el("div", "tr-widget__head");
  head.append(el("h2", "fw-card__title tr-widget__title", widget.title));
  card.append(head);
  if (widget.axis === undefined) {
    card.append(KINDS[widget.chart](widget));
  } else {
    const axis = data.axes[widget.axis];
    const open = (at, series) => {
      const url = address(widget, axis.slots[at], series);
      if (url) {
        location.assign(url);
      }
    };
    card.append(new Chart(widget, axis.times, open).element);
  }
  return card;
}
