// The pane of the chosen step: figures at once, input and output fetched when it is chosen.
import { get } from "../../core/js/http.js";
import { gettext, interpolate } from "../../core/js/i18n.js";
import { cost, count, el, icon, span } from "./format.js";
import { NotesBox, scoreBadge } from "./notes.js";
import { PayloadSection } from "./payload.js";
import { ICONS } from "./tree.js";
import { jsonBlock } from "./value.js";

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
      const page = known ?? (await this.fetch(node, this.abort.signal));
      if (this.node === node) {
        this.fill(body, node, page);
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        body.replaceChildren(el("p", "fw-notice fw-notice--error", error.message));
      }
    }
  }

  base(node) {
    return `/api/v1/observations/${this.traceId}/${node.id}/`;
  }

  closeSections() {
    this.sections?.forEach((section) => section.close());
    this.sections = [];
  }

  async fetch(node, signal) {
    const page = await get(`${this.base(node)}?limit=${this.firstChars}&turns=true&links=true`, { quiet: true, signal });
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
    body.replaceChildren(...this.links(page.links));
    if (observation.status_message) {
      body.append(el("p", "fw-notice fw-notice--error tr-text", observation.status_message));
    }
    this.closeSections();
    this.sections = [
      [gettext("Input"), "input"],
      [gettext("Output"), "output"],
    ].map(([title, side]) => new PayloadSection({
      title,
      side,
      text: payload[side],
      total: payload[`${side}_length`],
      turns: page.turns[side],
      base: this.base(node),
    }));
    body.append(...this.sections.map((section) => section.element));
    this.jsonSection(body, gettext("Metadata"), observation.metadata, true);
    this.jsonSection(body, gettext("Usage"), observation.usage, true);
    this.jsonSection(body, gettext("Attributes"), observation.attributes, false);
    body.append(this.facts(observation));
  }

  /** What the step is a step of, and where else it can be opened. */
  links(found) {
    if (!found?.length) {
      return [];
    }
    const row = el("nav", "fw-row", "", { "aria-label": gettext("Open elsewhere") });
    found.forEach(({ title, url }) => {
      const link = el("a", "fw-button fw-button--small", "", { href: url });
      link.append(icon("open_in_new"), title);
      row.append(link);
    });
    return [row];
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
}
