// A small chart in SVG: stacked bars or lines over time. Pointing at a step tells its values, choosing it opens its list.
import { localTime } from "../../core/js/time.js";
import { gettext, interpolate, pageLanguage } from "../../core/js/i18n.js";
import { cost, count, el, span } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;

const FORMATS = {
  count,
  cost,
  duration: (milliseconds) => span(milliseconds * 1000),
  percent: (share) => `${(share * 100).toFixed(1)}%`,
  number: (value) => String(Math.round(value * 1000) / 1000),
};

function svg(tag, className, attributes) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  return node;
}

/** 12K, 4.5M: what fits beside the axis. */
function compact(value) {
  return new Intl.NumberFormat(pageLanguage(), { notation: "compact" }).format(value);
}

/** A round number at or above `value`: 1, 2 or 5 times a power of ten. */
export function niceTop(value) {
  if (!(value > 0)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

export class Chart {
  /** `chart` is {kind, title, unit, series: [{name, values, tone}]}; `links[i]` is where step i leads. */
  constructor(chart, { times, links }) {
    Object.assign(this, { chart, times, links, at: -1 });
    this.format = FORMATS[chart.unit];
    this.step = (WIDTH - LEFT) / times.length;
    this.top = niceTop(this.highest());
    this.tip = el("p", "tr-chart__tip", this.hint(), { "aria-live": "polite" });
    this.drawing = this.draw();
    this.element = el("section", "fw-card tr-chart");
    this.element.append(el("h2", "fw-card__title", chart.title), this.drawing, this.legend(), this.tip);
  }

  hint() {
    return gettext("Choose a step to see its traces.");
  }

  highest() {
    const all = this.times.map((_time, at) => {
      const values = this.chart.series.map((series) => series.values[at] ?? 0);
      return this.chart.kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
    });
    return Math.max(0, ...all);
  }

  y(value) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / this.top);
  }

  colour(series, position) {
    return `tr-colour-${series.tone || position % 5}`;
  }

  draw() {
    const root = svg("svg", "tr-chart__svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: "0", "aria-label": this.chart.title });
    this.grid(root);
    if (this.chart.kind === "bars") {
      this.bars(root);
    } else {
      this.chart.series.forEach((series, position) => this.line(root, series, position));
    }
    this.slots = this.times.map((_time, at) => this.slot(root, at));
    root.addEventListener("mouseleave", () => this.point(-1));
    root.addEventListener("keydown", (event) => this.onKey(event));
    return root;
  }

  grid(root) {
    for (let line = 0; line <= 2; line += 1) {
      const value = (this.top * line) / 2;
      const y = this.y(value);
      const label = svg("text", "tr-chart__label", { x: LEFT - 6, y: y + 4, "text-anchor": "end" });
      label.textContent = this.chart.unit === "count" ? compact(value) : this.format(value);
      root.append(svg("line", "tr-chart__grid", { x1: LEFT, x2: WIDTH, y1: y, y2: y }), label);
    }
    const days = new Date(this.times.at(-1)) - new Date(this.times[0]) > 36 * 3600 * 1000;
    const style = days ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" };
    for (let mark = 0; mark < 4; mark += 1) {
      const at = Math.floor((mark * this.times.length) / 4);
      const label = svg("text", "tr-chart__label", { x: LEFT + at * this.step, y: HEIGHT - 6 });
      label.textContent = localTime(this.times[at], style);
      root.append(label);
    }
  }

  bars(root) {
    this.times.forEach((_time, at) => {
      let below = 0;
      this.chart.series.forEach((series, position) => {
        const value = series.values[at] ?? 0;
        if (value > 0) {
          const y = this.y(below + value);
          const height = Math.max(this.y(below) - y, 0.75);
          const x = LEFT + at * this.step + this.step * 0.1;
          root.append(svg("rect", `tr-chart__bar ${this.colour(series, position)}`, { x, y, width: this.step * 0.8, height }));
          below += value;
        }
      });
    });
  }

  /** A gap in the values is a gap in the line; a value between two gaps is a dot. */
  line(root, series, position) {
    let run = [];
    const end = () => {
      const points = run.map(([x, y]) => `${x},${y}`).join(" ");
      const colour = this.colour(series, position);
      if (run.length === 1) {
        root.append(svg("circle", `tr-chart__dot ${colour}`, { cx: run[0][0], cy: run[0][1], r: 2.5 }));
      } else if (run.length) {
        root.append(svg("polyline", `tr-chart__line ${colour}`, { points }));
      }
      run = [];
    };
    series.values.forEach((value, at) => {
      if (value === null) {
        end();
      } else {
        run.push([LEFT + (at + 0.5) * this.step, this.y(value)]);
      }
    });
    end();
  }

  slot(root, at) {
    const rect = svg("rect", "tr-chart__slot", { x: LEFT + at * this.step, y: TOP, width: this.step, height: HEIGHT - TOP - BOTTOM });
    rect.addEventListener("mouseenter", () => this.point(at));
    rect.addEventListener("click", () => this.open(at));
    root.append(rect);
    return rect;
  }

  point(at) {
    this.slots[this.at]?.classList.remove("is-active");
    this.at = at;
    this.slots[at]?.classList.add("is-active");
    this.tip.textContent = at < 0 ? this.hint() : this.told(at);
  }

  told(at) {
    const values = this.chart.series
      .filter((series) => series.values[at] !== null)
      .map((series) => `${series.name} ${this.format(series.values[at])}`);
    const time = localTime(this.times[at], { dateStyle: "medium", timeStyle: "short" });
    return interpolate(gettext("%(time)s: %(values)s"), { time, values: values.join(" · ") || gettext("nothing") });
  }

  open(at) {
    if (this.links[at]) {
      location.assign(this.links[at]);
    }
  }

  onKey(event) {
    const last = this.times.length - 1;
    const moves = { ArrowRight: Math.min(this.at + 1, last), ArrowLeft: Math.max(this.at - 1, 0), Home: 0, End: last };
    if (event.key in moves) {
      event.preventDefault();
      this.point(moves[event.key]);
    } else if (event.key === "Enter" && this.at >= 0) {
      this.open(this.at);
    }
  }

  legend() {
    const list = el("div", "tr-chart__legend");
    this.chart.series.forEach((series, position) => {
      list.append(el("span", `tr-chart__key ${this.colour(series, position)}`, series.name));
    });
    return list;
  }
}
