// One message on the page: a question as a bubble, an answer with its steps, text, sources and tools.
import { copyText } from "../../core/js/clipboard.js";
import { gettext, interpolate, ngettext } from "../../core/js/i18n.js";
import { duration } from "../../core/js/time.js";
import { el, icon, iconButton } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

const RUNNING = new Set(["pending", "streaming"]);

/** True while an answer is being written. */
export const isRunning = (message) => RUNNING.has(message.state);

export class QuestionView {
  constructor(message, actions) {
    this.message = message;
    const edit = actions.edit
      ? iconButton("edit", gettext("Edit the question"), () => actions.edit(message, this.node))
      : null;
    this.tools = el("div", { class: "agents-message__tools" }, [
      iconButton("content_copy", gettext("Copy"), (event) => copied(event, message.content)),
      edit,
      branches(message, actions),
    ]);
    this.node = el("div", { class: "agents-message agents-message--question", "data-id": message.id }, [
      el("div", { class: "agents-bubble", text: message.content }),
      this.tools,
    ]);
  }
}

export class AnswerView {
  #frame = 0;

  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.seq = 0;
    this.hits = [];
    this.steps = el("div", { class: "agents-steps" });
    this.reasoning = el("div", { class: "agents-reasoning__text" });
    this.thinking = el("details", { class: "agents-reasoning", hidden: true }, [
      el("summary", {}, [icon("psychology"), el("span", { text: gettext("Reasoning") })]),
      this.reasoning,
    ]);
    this.text = el("div", { class: "agents-md" });
    this.notice = el("div", { class: "agents-message__notice" });
    this.sources = el("div", { class: "agents-sources" });
    this.tools = el("div", { class: "agents-message__tools" });
    this.node = el("article", { class: "agents-message agents-message--answer", "data-id": message.id }, [
      el("div", { class: "agents-avatar", "aria-hidden": "true", text: actions.initial }),
      el("div", { class: "agents-message__body" }, [
        this.steps, this.thinking, this.text, this.notice, this.sources, this.tools,
      ]),
    ]);
    this.render();
  }

  /** Take in one event of the answer's stream; one that was seen before is ignored. */
  apply({ seq, type, data }) {
    if (seq <= this.seq && !type.startsWith("run.")) {
      return;
    }
    this.seq = Math.max(this.seq, seq);
    const message = this.message;
    if (type === "text.delta") {
      message.content += data.text;
    } else if (type === "reasoning.delta") {
      message.reasoning += data.text;
    } else if (type === "retrieval.started") {
      this.searching = true;
    } else if (type === "retrieval.finished") {
      this.searching = false;
      this.hits = data.hits;
      message.notices = data.notices;
    } else if (type === "tool.started") {
      this.tool = data.name;
    } else if (type === "tool.finished") {
      this.tool = "";
    } else if (data.message) {
      Object.assign(message, data.message);
    }
    if (message.state === "pending") {
      message.state = "streaming";
    }
    this.schedule();
  }

  /** Begin again from nothing: the server replays the whole stream. */
  restart() {
    this.seq = 0;
    Object.assign(this.message, { content: "", reasoning: "" });
  }

  schedule() {
    if (!this.#frame) {
      // a hidden tab has no frames; a timer keeps its text current
      const later = document.hidden ? (fn) => setTimeout(fn, 100) : requestAnimationFrame;
      this.#frame = later(() => {
        this.#frame = 0;
        this.render();
        this.actions.grown();
      });
    }
  }

  render() {
    const { message } = this;
    const running = isRunning(message);
    this.node.classList.toggle("is-streaming", running);
    this.node.setAttribute("aria-busy", String(running));
    this.#renderSteps(running);
    this.thinking.hidden = !message.reasoning;
    this.reasoning.textContent = message.reasoning ?? "";
    const version = running ? `hits${this.hits.length}` : message.state;
    renderMarkdown(this.text, message.content, { cite: (n) => this.#cite(n), version });
    this.notice.replaceChildren(...this.#notices(running));
    this.sources.replaceChildren(...(running ? [] : this.#sourceChips()));
    this.tools.replaceChildren(...(running ? [] : this.#toolButtons()));
  }

  #renderSteps(running) {
    const steps = [];
    if (running && this.searching) {
      steps.push(step("search", gettext("Searching the knowledge…"), true));
    } else if (running && this.hits.length && !this.message.content) {
      const found = ngettext("Found %(n)s passage", "Found %(n)s passages", this.hits.length);
      steps.push(step("find_in_page", interpolate(found, { n: this.hits.length })));
    }
    if (running && this.tool) {
      steps.push(step("build", interpolate(gettext("Using %(name)s…"), { name: this.tool }), true));
    }
    if (running && !this.message.content && !this.searching) {
      steps.push(el("span", { class: "agents-dots", role: "status", "aria-label": gettext("Writing") }, [
        el("i"), el("i"), el("i"),
      ]));
    }
    this.steps.replaceChildren(...steps);
  }

  #citation(n) {
    const done = (this.message.citations ?? []).find((citation) => citation.n === n);
    return done ?? this.hits.find((hit) => hit.n === n);
  }

  #cite(n) {
    const citation = this.#citation(n);
    if (!citation) {
      return null;
    }
    const label = interpolate(gettext("Source %(n)s: %(name)s"), { n, name: citation.document_name });
    return el("button", {
      type: "button", class: "agents-cite", text: String(n), title: citation.document_name, "aria-label": label,
      onclick: (event) => this.actions.source(citation, event.currentTarget),
    });
  }

  #sourceChips() {
    const citations = this.message.citations ?? [];
    if (citations.length === 0) {
      return [];
    }
    const title = citations.some((c) => c.cited) ? gettext("Cited") : gettext("Sources");
    return [
      el("span", { class: "agents-sources__title", text: title }),
      ...citations.map((citation) =>
        el("button", {
          type: "button", class: "agents-source", title: citation.text.slice(0, 300),
          onclick: (event) => this.actions.source(citation, event.currentTarget),
        }, [
          el("span", { class: "agents-source__n", text: String(citation.n) }),
          el("span", { class: "agents-source__name", text: citation.document_name }),
        ]),
      ),
    ];
  }

  #notices(running) {
    const { message } = this;
    const notes = [];
    const again = (label) =>
      el("button", {
        type: "button", class: "fw-button fw-button--small", text: label,
        onclick: () => this.actions.regenerate(message),
      });
    const notice = (tone, symbol, text, button) =>
      el("div", { class: `fw-notice fw-notice--${tone} agents-notice`, role: tone === "error" ? "alert" : "status" }, [
        icon(symbol), el("span", { class: "fw-grow", text }), button,
      ]);
    if (message.state === "failed") {
      notes.push(notice("error", "error", message.error || gettext("The answer failed."), again(gettext("Try again"))));
    } else if (message.state === "interrupted") {
      const text = gettext("The server stopped while this was written. What was said is kept.");
      notes.push(notice("warn", "power_off", text, again(gettext("Regenerate"))));
    } else if (message.state === "stopped") {
      notes.push(el("p", { class: "agents-stopped", text: gettext("You stopped this answer.") }));
    } else if (!running && !message.content) {
      notes.push(notice("warn", "chat_bubble", gettext("The model gave an empty answer."), again(gettext("Try again"))));
    }
    if (!running) {
      for (const text of message.notices ?? []) {
        notes.push(el("p", { class: "agents-note" }, [icon("info"), el("span", { text })]));
      }
    }
    return notes;
  }

  #toolButtons() {
    const { message, actions } = this;
    const thumb = (value, name, label) =>
      iconButton(name, label, (event) => actions.feedback(this, value, event.currentTarget), {
        "aria-pressed": String(message.feedback === value),
      });
    const meta = [];
    if (message.latency_ms) {
      meta.push(duration(message.latency_ms));
    }
    if (message.output_tokens) {
      meta.push(interpolate(gettext("%(n)s tokens"), { n: message.input_tokens + message.output_tokens }));
    }
    return [
      branches(message, actions),
      iconButton("content_copy", gettext("Copy"), (event) => copied(event, message.content)),
      actions.regenerate ? iconButton("refresh", gettext("Regenerate"), () => actions.regenerate(message)) : null,
      actions.feedback ? thumb(1, "thumb_up", gettext("Good answer")) : null,
      actions.feedback ? thumb(0, "thumb_down", gettext("Bad answer")) : null,
      actions.traceUrl && message.trace_id
        ? el("a", {
            class: "agents-tool", href: actions.traceUrl(message.trace_id),
            title: gettext("Trace"), "aria-label": gettext("Open the trace of this answer"),
          }, [icon("account_tree")])
        : null,
      meta.length ? el("span", { class: "agents-meta", title: message.model ?? "", text: meta.join(" · ") }) : null,
    ].filter(Boolean);
  }
}

function step(symbol, text, busy = false) {
  return el("div", { class: `agents-step${busy ? " is-busy" : ""}` }, [icon(symbol), el("span", { text })]);
}

async function copied(event, text) {
  const symbol = event.currentTarget.firstChild;
  await copyText(text);
  symbol.textContent = "check";
  setTimeout(() => (symbol.textContent = "content_copy"), 1500);
}

function branches(message, actions) {
  const siblings = message.siblings ?? [];
  if (siblings.length < 2 || !actions.show) {
    return null;
  }
  const at = siblings.indexOf(message.id);
  const go = (offset) => actions.show(siblings[at + offset]);
  return el("span", { class: "agents-branches" }, [
    iconButton("chevron_left", gettext("Earlier version"), () => go(-1), { disabled: at === 0 }),
    el("span", { text: `${at + 1} / ${siblings.length}` }),
    iconButton("chevron_right", gettext("Later version"), () => go(1), { disabled: at === siblings.length - 1 }),
  ]);
}
