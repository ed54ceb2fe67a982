// The pane of the chosen step: figures at once, input and output fetched when it is chosen.
import { copyText } from "../../core/js/clipboard.js";
import { get } from "../../core/js/http.js";
import { gettext, interpolate } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";
import { cost, count, el, icon, span } from "./format.js";
import { NotesBox, scoreBadge } from "./notes.js";
import { ICONS } from "./tree.js";
import { cutNotice, jsonBlock, renderValue } from "./value.js";

const KEPT = 50;

export class Detail {
  constructor(pane, { traceId, firstChars }, notes) {
    this.pane = pane;
    this.traceId = traceId;
    this.firstChars = firstChars;
    this.notes = notes;
    this.cache = new Map();
    notes.onChange((observationId) => observationId === this.node?.id && this.drawScores());
  }

  async show(node) {
    this.node = node;
    const body = el("div", "tr-detail__body");
    this.pane.replaceChildren(this.head(node), this.notesSection(node), body);
    this.pane.scrollTop = 0;
    const known = this.cache.get(node.id);
    if (!known) {
      body.append(el("div", "fw-spinner", "", { role: "status", "aria-label": gettext("Loading") }));
    }
    this.abort?.abort();
    this.abort = new AbortController();
    try {
      const page = known ?? (await this.fetch(node, this.firstChars, this.abort.signal));
      if (this.node === node) {
        this.fill(body, node, page);
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        body.replaceChildren(el("p", "fw-notice fw-notice--error", error.message));
      }
    }
  }

  async fetch(node, limit, signal) {
    const query = limit ? `?limit=${limit}` : "";
    const page = await get(`/api/v1/observations/${this.traceId}/${node.id}/${query}`, { quiet: true, signal });
    if (this.cache.size >= KEPT) {
      this.cache.delete(this.cache.keys().next().value);
    }
    this.cache.set(node.id, page);
    return page;
  }

  head(node) {
    const head = el("header", "tr-detail__head");
    const title = el("h2", "tr-detail__title");
    title.append(icon(ICONS[node.type] ?? ICONS.span, `tr-kind tr-kind--${node.type}`), el("span", "", node.name));
    const badges = el("div", "fw-row");
    badges.append(el("span", "fw-badge", node.type), el("span", "fw-badge", span(node.end - node.start)));
    if (node.error) {
      badges.append(el("span", "fw-badge fw-badge--error", gettext("Error")));
    }
    if (node.ttft) {
      badges.append(el("span", "fw-badge", interpolate(gettext("First token after %(time)s"), { time: span(node.ttft * 1000) })));
    }
    if (node.model) {
      badges.append(el("span", "fw-badge fw-badge--info", node.model));
    }
    if (node.input || node.output) {
      const text = interpolate(gettext("%(input)s → %(output)s tokens"), { input: count(node.input ?? 0), output: count(node.output ?? 0) });
      badges.append(el("span", "fw-badge", text));
    }
    if (node.cost) {
      badges.append(el("span", "fw-badge", cost(node.cost)));
    }
    this.scoreRow = el("div", "fw-row");
    head.append(title, badges, this.scoreRow);
    return head;
  }

  /** Scores and comments of the step, folded away until somebody wrote some. */
  notesSection(node) {
    this.box?.stop();
    this.box = new NotesBox(this.notes, node.id);
    const details = el("details", "tr-detail__notes");
    this.notesTitle = el("summary", "fw-heading");
    details.append(this.notesTitle, this.box.element);
    this.drawScores();
    return details;
  }

  drawScores() {
    const scores = this.notes.scoresOf(this.node.id);
    const comments = this.notes.commentsOf(this.node.id).length;
    this.scoreRow.replaceChildren(...scores.map(scoreBadge));
    this.scoreRow.hidden = !scores.length;
    const number = scores.length + comments;
    this.notesTitle.textContent = number
      ? interpolate(gettext("Scores and comments (%(number)s)"), { number: count(number) })
      : gettext("Scores and comments");
  }

  fill(body, node, page) {
    const { observation, payload } = page;
    body.replaceChildren();
    if (observation.status_message) {
      body.append(el("p", "fw-notice fw-notice--error tr-text", observation.status_message));
    }
    body.append(
      this.valueSection(gettext("Input"), "input", payload, node),
      this.valueSection(gettext("Output"), "output", payload, node),
    );
    this.jsonSection(body, gettext("Metadata"), observation.metadata, true);
    this.jsonSection(body, gettext("Usage"), observation.usage, true);
    this.jsonSection(body, gettext("Attributes"), observation.attributes, false);
    body.append(this.facts(observation));
  }

  valueSection(title, name, payload, node) {
    const text = payload[name];
    const total = payload[`${name}_length`];
    const section = el("section", "tr-value");
    const head = el("div", "tr-value__head");
    head.append(el("h3", "fw-heading", title));
    section.append(head);
    if (!text) {
      section.append(el("p", "fw-muted", gettext("Nothing recorded.")));
      return section;
    }
    const box = el("div", "tr-value__box");
    let raw = false;
    const draw = () => box.replaceChildren(raw ? el("pre", "fw-code", text) : renderValue(text));
    const toggle = this.button("code", gettext("Show the raw text"), () => {
      raw = !raw;
      toggle.setAttribute("aria-pressed", String(raw));
      draw();
    });
    toggle.setAttribute("aria-pressed", "false");
    head.append(toggle, this.button("content_copy", gettext("Copy"), async () => {
      const all = text.length < total ? (await this.fetch(node, 0)).payload[name] : text;
      await copyText(all);
      toast(gettext("Copied."), "ok");
    }));
    draw();
    section.append(box);
    if (text.length < total) {
      section.append(this.more(node, text.length, total));
    }
    return section;
  }

  more(node, shown, total) {
    const row = el("div", "fw-row tr-value__more");
    const button = el("button", "fw-button fw-button--small", gettext("Load all"), { type: "button" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
      await this.fetch(node, 0);
      await this.show(node);
    });
    row.append(el("span", "fw-muted fw-small", cutNotice(shown, total)), button);
    return row;
  }

  jsonSection(body, title, value, open) {
    if (!value || !Object.keys(value).length) {
      return;
    }
    const details = el("details", "tr-more");
    details.open = open;
    details.append(el("summary", "fw-heading", title), jsonBlock(value));
    body.append(details);
  }

  facts(observation) {
    const details = el("details", "tr-more");
    const list = el("dl", "fw-list fw-small");
    const rows = [
      [gettext("Observation id"), observation.span_id],
      [gettext("Start"), observation.start_time],
      [gettext("End"), observation.end_time],
      [gettext("Provider"), observation.provider],
      [gettext("Environment"), observation.environment],
      [gettext("Version"), observation.version],
      [gettext("Release"), observation.release],
    ];
    rows.filter(([, value]) => value).forEach(([name, value]) => list.append(el("dt", "", name), el("dd", "fw-mono", value)));
    details.append(el("summary", "fw-heading", gettext("Details")), list);
    return details;
  }

  button(symbol, label, onClick) {
    const button = el("button", "fw-icon-button", "", { type: "button", "aria-label": label, title: label });
    button.append(icon(symbol, "tr-icon"));
    button.addEventListener("click", onClick);
    return button;
  }
}
