// What a model answered: text as it comes, tool calls with a place for their results, figures.
import { copyText } from "../../../core/js/clipboard.js";
import { gettext, interpolate, pageLanguage } from "../../../core/js/i18n.js";
import { duration } from "../../../core/js/time.js";
import { el, icon, iconButton } from "../dom.js";
import { area, field } from "./fields.js";

const STATES = {
  running: ["fw-badge--info", gettext("Running")],
  done: ["fw-badge--ok", gettext("Done")],
  stopped: ["fw-badge--warn", gettext("Stopped")],
  failed: ["fw-badge--error", gettext("Failed")],
};

function dollars(cost) {
  const amount = Number(cost);
  return new Intl.NumberFormat(pageLanguage(), {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: 2,
    maximumFractionDigits: amount < 0.01 ? 6 : 4,
  }).format(amount);
}

/** An answer that has not begun. */
export function newAnswer() {
  return { state: "running", text: "", reasoning: "", calls: [], error: "", figures: null, traceId: "" };
}

/** Put an event of the call into an answer. */
export function take(answer, type, data) {
  if (type === "text.delta") {
    answer.text += data.text;
  } else if (type === "reasoning.delta") {
    answer.reasoning += data.text;
  } else if (type === "tool.delta") {
    const call = (answer.calls[data.index] ??= { id: "", name: "", arguments: "", result: "" });
    Object.assign(call, { id: data.id, name: data.name, arguments: call.arguments + data.arguments });
  } else if (type === "call.started") {
    answer.traceId = data.trace_id;
  } else if (type === "call.failed") {
    Object.assign(answer, { state: "failed", error: data.detail });
  } else if (type === "call.completed") {
    const { usage, latency_ms, ttft_ms, model, finish_reason } = data;
    Object.assign(answer, {
      state: "done",
      text: data.content,
      reasoning: data.reasoning,
      calls: data.tool_calls.map((call) => ({ ...call, result: "" })),
      figures: { ...usage, latency_ms, ttft_ms, model, finish_reason },
    });
  }
}

/** The answer as a message. */
export function asMessage(answer) {
  const message = { role: "assistant", content: answer.text };
  if (answer.calls.length > 0) {
    message.tool_calls = answer.calls.map(({ id, name, arguments: given }) => ({ id, name, arguments: given }));
  }
  return message;
}

export class AnswerView {
  #frame = 0;

  /** actions: `keep()` adds the answer to the messages, `goOn()` with the results of its tools, `changed()`. */
  constructor(urls, actions) {
    this.urls = urls;
    this.actions = actions;
    this.node = el("section", { class: "playground-answer", "aria-label": gettext("Answer"), hidden: true });
  }

  /** Draw an answer anew, at most once a frame. */
  show(answer) {
    this.answer = answer;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const answer = this.answer;
    this.node.hidden = !answer;
    if (!answer) {
      return;
    }
    if (answer.state === "running" && this.live?.answer === answer) {
      this.live.text.textContent = answer.text;
      this.#reason(answer);
      this.live.calls.replaceChildren(...answer.calls.filter(Boolean).map((call) => this.#call(call, false)));
      return;
    }
    const finished = answer.state !== "running";
    this.live = {
      answer,
      text: el("div", { class: "playground-answer__text", text: answer.text }),
      calls: el("div", { class: "fw-stack" }, answer.calls.filter(Boolean).map((call) => this.#call(call, finished))),
      reasoning: el("details", { class: "playground-fold", hidden: true, open: !finished }, [
        el("summary", { text: gettext("Reasoning") }),
        el("div", { class: "playground-answer__reasoning" }),
      ]),
    };
    this.#reason(answer);
    this.node.replaceChildren(
      this.#head(answer),
      ...[
        this.live.reasoning,
        answer.error ? el("p", { class: "fw-notice fw-notice--error", role: "alert", text: answer.error }) : null,
        this.live.text,
        this.live.calls,
        answer.calls.length > 0 && answer.state === "done" ? this.#goOn() : null,
        this.#figures(answer),
      ].filter(Boolean),
    );
  }

  #reason(answer) {
    this.live.reasoning.hidden = !answer.reasoning;
    this.live.reasoning.lastElementChild.textContent = answer.reasoning;
  }

  #head(answer) {
    const [tone, title] = STATES[answer.state];
    const said = answer.text || answer.calls.length > 0;
    return el("div", { class: "fw-row" }, [
      el("span", { class: `fw-badge ${tone}`, role: "status", text: title }),
      el("span", { class: "fw-grow" }),
      answer.text ? iconButton("content_copy", gettext("Copy"), () => copyText(answer.text)) : null,
      said && answer.state !== "running" && answer.calls.length === 0
        ? iconButton("playlist_add", gettext("Add the answer to the messages"), () => this.actions.keep())
        : null,
      answer.traceId && answer.state !== "running"
        ? el("a", { class: "agents-tool", href: this.urls.trace.replace("__id__", answer.traceId), title: gettext("Trace"), "aria-label": gettext("Trace") }, [icon("account_tree")])
        : null,
    ]);
  }

  #call(call, finished) {
    const result = finished
      ? field(
          interpolate(gettext("Result of %(name)s"), { name: call.name }),
          area(call, "result", () => this.actions.changed(), { spellcheck: "false" }),
        )
      : null;
    return el("div", { class: "playground-call" }, [
      el("div", { class: "fw-row" }, [icon("build"), el("span", { class: "fw-strong fw-mono", text: call.name })]),
      el("pre", { class: "playground-call__arguments", text: pretty(call.arguments) }),
      result,
    ]);
  }

  #goOn() {
    return el("button", { type: "button", class: "fw-button fw-button--small playground-answer__go", onclick: () => this.actions.goOn() }, [
      icon("play_arrow"),
      gettext("Go on with these results"),
    ]);
  }

  #figures(answer) {
    const figures = answer.figures;
    if (!figures) {
      return null;
    }
    const rows = [
      [gettext("First token"), figures.ttft_ms === null ? "–" : duration(figures.ttft_ms)],
      [gettext("Time"), duration(figures.latency_ms)],
      [gettext("Tokens in"), `${figures.estimated ? "≈ " : ""}${figures.input_tokens}`],
      [gettext("Tokens out"), `${figures.estimated ? "≈ " : ""}${figures.output_tokens}`],
      figures.reasoning_tokens > 0 ? [gettext("of these reasoning"), String(figures.reasoning_tokens)] : null,
      figures.cached_tokens > 0 ? [gettext("from the cache"), String(figures.cached_tokens)] : null,
      [gettext("Cost"), figures.cost === null ? "–" : dollars(figures.cost)],
      [gettext("Model"), figures.model],
      figures.finish_reason ? [gettext("Ended by"), figures.finish_reason] : null,
    ].filter(Boolean);
    return el(
      "dl",
      { class: "playground-figures" },
      rows.map(([name, value]) => el("div", {}, [el("dt", { text: name }), el("dd", { text: value })])),
    );
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
