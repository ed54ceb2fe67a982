// One column: model, messages, tools, format, and the answer.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, icon, iconButton } from "../dom.js";
import { AnswerView, asMessage, newAnswer, take } from "./answer.js";
import { call } from "./call.js";
import { problemLine } from "./fields.js";
import { MessageList } from "./messages.js";
import { modelChoice, parametersPart } from "./model.js";
import { saveAsPrompt } from "./save.js";
import { runBody } from "./state.js";
import { formatPart, toolsPart } from "./tools.js";

const LETTERS = "ABCD";

export class ColumnView {
  #abort = null;

  /** page: `state`, `config`, `changed(structure)`, `running()`, `session()`, `copy(column)`, `remove(column)`. */
  constructor(page, column) {
    this.page = page;
    this.column = column;
    const changed = () => page.changed(false);
    this.problem = problemLine();
    this.messages = new MessageList(column.messages, {
      label: gettext("Messages"),
      changed: (structure) => page.changed(structure),
    });
    this.answer = new AnswerView(page.config.urls, {
      changed,
      keep: () => this.#keep(),
      goOn: () => this.#goOn(),
    });
    this.title = el("h2", { class: "fw-heading" });
    this.prompt = el("span");
    this.runButton = el("button", { type: "button", class: "fw-button fw-button--small", onclick: () => this.toggle() });
    this.copyButton = iconButton("content_copy", gettext("Duplicate this column"), () => page.copy(column));
    this.removeButton = iconButton("close", gettext("Remove this column"), () => page.remove(column));
    this.node = el("section", { class: "fw-card playground-column" }, [
      el("div", { class: "fw-row fw-row--nowrap" }, [
        this.title,
        this.prompt,
        el("span", { class: "fw-grow" }),
        this.copyButton,
        this.removeButton,
      ]),
      modelChoice(column, page.config.models, changed),
      parametersPart(column, changed),
      this.messages.node,
      toolsPart(column, changed),
      formatPart(column, changed),
      this.problem.node,
      el("div", { class: "fw-row" }, [
        this.runButton,
        page.config.maySave
          ? el(
              "button",
              { type: "button", class: "fw-button fw-button--small fw-button--ghost", onclick: () => this.#save() },
              [icon("save"), gettext("Save as a prompt…")],
            )
          : null,
      ]),
      this.answer.node,
    ]);
    this.answer.show(column.answer);
    this.#drawPrompt();
    this.#drawRun();
  }

  /** Say which column this is, and what can be done with it. */
  place(index, total, mayAdd) {
    const letter = LETTERS[index];
    this.title.textContent = letter;
    this.node.setAttribute("aria-label", interpolate(gettext("Column %(letter)s"), { letter }));
    this.removeButton.disabled = total === 1;
    this.copyButton.disabled = !mayAdd;
  }

  get running() {
    return this.#abort !== null;
  }

  toggle() {
    if (this.running) {
      this.stop();
    } else {
      this.run();
    }
  }

  stop() {
    this.#abort?.abort();
  }

  /** Ask the model; resolves when the answer is there, or isn't. */
  async run() {
    if (this.running) {
      return;
    }
    const session = await this.page.session();
    let body;
    try {
      body = runBody(this.page.state, this.column, session);
      this.problem.show("");
    } catch (error) {
      this.problem.show(error.message);
      return;
    }
    const answer = (this.column.answer = newAnswer());
    this.#abort = new AbortController();
    this.#drawRun();
    this.answer.show(answer);
    try {
      for await (const [type, data] of call(this.page.config.urls.run, body, this.#abort.signal)) {
        take(answer, type, data);
        this.answer.show(answer);
      }
      if (answer.state === "running") {
        Object.assign(answer, { state: "failed", error: gettext("The connection broke off.") });
      }
    } catch (error) {
      const stopped = error.name === "AbortError";
      Object.assign(answer, { state: stopped ? "stopped" : "failed", error: stopped ? "" : error.message });
    } finally {
      this.#abort = null;
      this.#drawRun();
      this.answer.show(answer);
      this.page.changed(false);
    }
  }

  #drawRun() {
    this.runButton.replaceChildren(
      icon(this.running ? "stop" : "play_arrow"),
      this.running ? gettext("Stop") : gettext("Run"),
    );
    this.page.running();
  }

  #drawPrompt() {
    const prompt = this.column.prompt;
    this.prompt.replaceChildren(
      ...(prompt
        ? [
            el("a", {
              class: "fw-badge fw-badge--muted",
              href: `${this.page.config.urls.prompt.replace("__id__", prompt.id)}?version=${prompt.version}`,
              text: `${prompt.name} · ${prompt.version}`,
              title: gettext("Prompt and version these messages come from"),
            }),
          ]
        : []),
    );
  }

  #keep() {
    const next = { role: "user", content: "" };
    const message = asMessage(this.column.answer);
    this.column.answer = null;
    this.answer.show(null);
    this.messages.add(message, next);
  }

  #goOn() {
    const { calls } = this.column.answer;
    const results = calls.map((made) => ({ role: "tool", content: made.result, tool_call_id: made.id }));
    this.messages.add(asMessage(this.column.answer), ...results);
    this.run();
  }

  async #save() {
    const saved = await saveAsPrompt(this.page.config, this.column);
    if (saved) {
      this.column.prompt = saved;
      this.#drawPrompt();
      this.page.changed(false);
    }
  }
}
