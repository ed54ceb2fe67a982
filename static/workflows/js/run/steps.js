// The steps of a run in the order they began: what ran, in which round, how long and when. Only rows in sight exist.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, icon } from "../dom.js";
import { around } from "./model.js";
import { nodeState, took } from "./states.js";

const HEIGHT = 34;
const MARGIN = 8;

const ICONS = {
  running: "progress_activity", retrying: "replay", waiting: "hourglass_top", succeeded: "check_circle", handled: "error",
  failed: "cancel", stopped: "do_not_disturb_on",
};

export class Steps {
  /** titles: path's node id → {title, icon}; onChoose(path). */
  constructor(box, empty, { onChoose, describe }) {
    this.box = box;
    this.empty = empty;
    this.onChoose = onChoose;
    this.describe = describe;
    this.search = "";
    this.rows = [];
    this.canvas = el("div", { class: "wf-steps__canvas", role: "presentation" });
    box.append(this.canvas);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(box);
  }

  show(model, { start, end }) {
    this.model = model;
    this.span = [start, Math.max(end - start, 1)];
    const wanted = this.search.trim().toLowerCase();
    this.rows = [...model.nodes.values()].filter((node) => {
      const { title } = this.describe(node);
      return !wanted || [title, node.path, node.type ?? ""].some((text) => text.toLowerCase().includes(wanted));
    });
    this.empty.hidden = this.rows.length > 0;
    this.empty.textContent = model.nodes.size ? gettext("No step matches.") : gettext("No step has begun yet.");
    this.box.hidden = !this.rows.length;
    this.canvas.style.setProperty("--rows", this.rows.length);
    this.draw();
  }

  choose(path, { scroll = true } = {}) {
    this.chosen = path;
    const at = this.rows.findIndex((node) => node.path === path);
    if (scroll && at >= 0) {
      const top = at * HEIGHT;
      if (top < this.box.scrollTop || top + HEIGHT > this.box.scrollTop + this.box.clientHeight) {
        this.box.scrollTop = top - this.box.clientHeight / 2;
      }
    }
    this.draw();
  }

  draw() {
    const first = Math.max(Math.floor(this.box.scrollTop / HEIGHT) - MARGIN, 0);
    const last = Math.min(first + Math.ceil(this.box.clientHeight / HEIGHT) + 2 * MARGIN, this.rows.length);
    this.canvas.replaceChildren(...this.rows.slice(first, last).map((node, at) => this.#row(node, first + at)));
  }

  #row(node, at) {
    const { title, symbol } = this.describe(node);
    let depth = 0;
    const rounds = [];
    for (let up = around(node.path); up; up = around(up[0])) {
      depth += 1;
      rounds.unshift(up[1] + 1);
    }
    const row = el("div", {
      class: `wf-step wf-step--${node.state}`, role: "option", id: `wf-step-${at}`, "aria-selected": String(node.path === this.chosen),
      "aria-label": `${title}, ${nodeState(node.state)}`, onclick: () => this.onChoose(node.path),
    }, [
      icon(ICONS[node.state] ?? "circle"),
      el("span", { class: "wf-step__name fw-truncate" }, [
        icon(symbol), el("span", { class: "fw-truncate", text: title, title: node.path }),
        rounds.length ? el("span", { class: "fw-badge fw-badge--muted", title: gettext("Round"), text: `#${rounds.join(".")}` }) : null,
        node.attempt > 1 ? el("span", { class: "fw-badge fw-badge--warn", text: interpolate(gettext("try %(n)s"), { n: node.attempt }) }) : null,
        node.reused ? el("span", { class: "fw-badge fw-badge--muted", text: gettext("from before") }) : null,
      ]),
      this.#bar(node),
      el("span", { class: "fw-number fw-small fw-muted wf-step__time", text: node.ms === undefined || node.ms === null ? "" : took(node.ms) }),
    ]);
    row.style.setProperty("--row", at);
    row.style.setProperty("--depth", Math.min(depth, 6));
    return row;
  }

  #bar(node) {
    const track = el("span", { class: "wf-step__track", "aria-hidden": "true" });
    if (!Number.isFinite(node.start)) {
      return track;
    }
    const [start, length] = this.span;
    const bar = el("span", { class: "wf-step__bar" });
    const from = Math.min(Math.max((node.start - start) / length, 0), 1);
    const width = Math.min(Math.max((node.ms ?? start + length - node.start) / length, 0.004), 1 - from + 0.004);
    bar.style.setProperty("--from", from);
    bar.style.setProperty("--width", width);
    track.append(bar);
    return track;
  }

  #key(event) {
    const at = this.rows.findIndex((node) => node.path === this.chosen);
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -this.rows.length, End: this.rows.length }[event.key];
    if (step === undefined || !this.rows.length) {
      return;
    }
    event.preventDefault();
    const next = Math.min(Math.max(at + step, 0), this.rows.length - 1);
    this.onChoose(this.rows[next].path);
    this.box.setAttribute("aria-activedescendant", `wf-step-${next}`);
  }
}
