// A chart over time in SVG: stacked bars or lines, drawn anew for the room it has. Pointing at a step tells its values,
// choosing it opens its list; so does choosing a part of a bar or a name of the legend.
import { localTime } from "../../core/js/time.js";
import { gettext, interpolate, pageLanguage } from "../../core/js/i18n.js";
import { axisTime, cost, count, el, span } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;
const COLOURS = 8;
const MARK_WIDTH = 56;

const FORMATS = {
  count,
  cost,
  duration: (milliseconds) => span(milliseconds * 1000),
  percent: (share) => `${(share * 100).toFixed(1)}%`,
  number: (value) => String(Math.round(value * 1000) / 1000),
};

/** A figure as a person reads it; "–" for one that nothing was there for. */
export function figure(value, unit) {
  return value === null || value === undefined ? "–" : FORMATS[unit](value);
}

export function svg(tag, className, attributes) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  return node;
}

/** 12K, 4.5M: what fits beside the axis. */
export function compact(value) {
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

/** The class that colours a series. */
export function colour(series, position) {
  return `tr-colour-${series.tone || position % COLOURS}`;
}

export class Chart {
  /** `chart` is {chart: "line" | "stacked", title, unit, series: [{name, values, tone}]}; `open(at, series)` opens a list. */
  constructor(chart, times, open) {
    Object.assign(this, { chart, times, open, at: -1 });
    this.stacked = chart.chart === "stacked";
    this.top = niceTop(this.highest());
    this.root = svg("svg", "tr-chart__svg", { role: "img", tabindex: "0", "aria-label": chart.title });
    this.root.addEventListener("mouseleave", () => this.point(-1));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.tip = el("p", "tr-chart__tip", this.hint(), { "aria-live": "polite" });
    const room = el("div", "tr-chart__room");
    room.append(this.root);
    new ResizeObserver(([entry]) => this.draw(entry.contentRect.width, entry.contentRect.height)).observe(room);
    this.element = el("div", "tr-chart");
    this.element.append(room, this.legend(), this.tip);
  }

  hint() {
    return this.chart.series.length ? gettext("Choose an interval to see its traces.") : gettext("Nothing in this time range.");
  }

  highest() {
    const all = this.times.map((_time, at) => {
      const values = this.chart.series.map((series) => series.values[at] ?? 0);
      return this.stacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
    });
    return Math.max(0, ...all);
  }

  draw(width, height) {
    if (width < 80 || height < 40 || (this.width === width && this.height === height)) {
      return;
    }
    Object.assign(this, { width, height, step: (width - LEFT) / this.times.length });
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.replaceChildren();
    this.grid();
    this.slots = this.times.map((_time, at) => this.slot(at));
    if (this.stacked) {
      this.bars();
    } else {
      this.chart.series.forEach((series, position) => this.line(series, position));
    }
    this.point(this.at);
  }

  y(value) {
    return TOP + (this.height - TOP - BOTTOM) * (1 - value / this.top);
  }

  grid() {
    for (let line = 0; line <= 2; line += 1) {
      const value = (this.top * line) / 2;
      const y = this.y(value);
      const label = svg("text", "tr-chart__label", { x: LEFT - 6, y: y + 4, "text-anchor": "end" });
      label.textContent = this.mark(value);
      this.root.append(svg("line", "tr-chart__grid", { x1: LEFT, x2: this.width, y1: y, y2: y }), label);
    }
    const days = new Date(this.times.at(-1)) - new Date(this.times[0]) > 36 * 3600 * 1000;
    const style = days ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" };
    const texts = this.times.map((time) => localTime(time, style));
    for (const at of this.marks(texts)) {
      const label = svg("text", "tr-chart__label", { x: LEFT + at * this.step, y: this.height - 6 });
      label.textContent = texts[at];
      this.root.append(label);
    }
  }

  /** What stands beside a line of the grid: as short as the room there. */
  mark(value) {
    if (this.chart.unit === "count") {
      return compact(value);
    }
    return this.chart.unit === "duration" ? axisTime(value * 1000, this.top * 1000) : figure(value, this.chart.unit);
  }

  /** Steps that get a label: where a day (or time) begins, each the same number of them after the one before. */
  marks(texts) {
    const begins = texts.map((_text, at) => at).filter((at) => at === 0 || texts[at] !== texts[at - 1]);
    const room = Math.max(1, Math.min(6, Math.floor((this.width - LEFT) / 90)));
    const every = Math.ceil(begins.length / room);
    const marks = begins.filter((_at, place) => place % every === 0);
    // the rest of a first day may have no room for its name
    return marks.length > 1 && (marks[1] - marks[0]) * this.step < MARK_WIDTH ? marks.slice(1) : marks;
  }

  bars() {
    this.times.forEach((_time, at) => {
      let below = 0;
      this.chart.series.forEach((series, position) => {
        const value = series.values[at] ?? 0;
        if (value > 0) {
          const y = this.y(below + value);
          const height = Math.max(this.y(below) - y, 0.75);
          const x = LEFT + at * this.step + this.step * 0.1;
          const bar = svg("rect", `tr-chart__bar ${colour(series, position)}`, { x, y, width: this.step * 0.8, height });
          bar.addEventListener("mouseenter", () => this.point(at));
          bar.addEventListener("click", () => this.open(at, series));
          this.root.append(bar);
          below += value;
        }
      });
    });
  }

  /** A gap in the values is a gap in the line; a value between two gaps is a dot. */
  line(series, position) {
    let run = [];
    const end = () => {
      const points = run.map(([x, y]) => `${x},${y}`).join(" ");
      const name = colour(series, position);
      if (run.length === 1) {
        this.root.append(svg("circle", `tr-chart__dot ${name}`, { cx: run[0][0], cy: run[0][1], r: 2.5 }));
      } else if (run.length) {
        this.root.append(svg("polyline", `tr-chart__line ${name}`, { points }));
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

  slot(at) {
    const rect = svg("rect", "tr-chart__slot", {
      x: LEFT + at * this.step,
      y: TOP,
      width: this.step,
      height: Math.max(this.height - TOP - BOTTOM, 0),
    });
    rect.addEventListener("mouseenter", () => this.point(at));
    rect.addEventListener("click", () => this.open(at, this.only()));
    this.root.append(rect);
    return rect;
  }

  /** The only series there is, which a step then stands for. */
  only() {
    return this.chart.series.length === 1 ? this.chart.series[0] : null;
  }

  point(at) {
    this.slots?.[this.at]?.classList.remove("is-active");
    this.at = at;
    this.slots?.[at]?.classList.add("is-active");
    this.tip.textContent = at < 0 ? this.hint() : this.told(at);
  }

  told(at) {
    const values = this.chart.series
      .filter((series) => series.values[at] !== null && (series.values[at] !== 0 || !this.stacked))
      .map((series) => `${series.name} ${figure(series.values[at], this.chart.unit)}`);
    const time = localTime(this.times[at], { dateStyle: "medium", timeStyle: "short" });
    return interpolate(gettext("%(time)s: %(values)s"), { time, values: values.join(" · ") || gettext("nothing") });
  }

  onKey(event) {
    const last = this.times.length - 1;
    const moves = { ArrowRight: Math.min(this.at + 1, last), ArrowLeft: Math.max(this.at - 1, 0), Home: 0, End: last };
    if (event.key in moves) {
      event.preventDefault();
      this.point(moves[event.key]);
    } else if (event.key === "Enter" && this.at >= 0) {
      this.open(this.at, this.only());
    }
  }

  legend() {
    const list = el("div", "tr-chart__legend");
    this.chart.series.forEach((series, position) => {
      const key = el(series.url ? "a" : "span", `tr-chart__key ${colour(series, position)}`, series.name);
      if (series.url) {
        key.href = series.url;
      }
      list.append(key);
    });
    return list;
  }
}
