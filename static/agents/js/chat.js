// The chat: a thread of messages, the field below it, the sources beside it. Used by the console, the editor's preview
// and the public page; `door` says how the server is reached.
import { gettext } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";
import { el, icon, iconButton } from "./dom.js";
import { AnswerView, QuestionView, isRunning } from "./message.js";
import { SourcePanel } from "./sources.js";
import { askReason } from "./feedback.js";
import { ChatSocket } from "./socket.js";

const NEAR_BOTTOM_PX = 80;

export class Chat extends EventTarget {
  #socket = null;
  #views = new Map();
  #sticky = true;

  /**
   * config: {agent: {name, opening, suggested_questions, ready}, conversation, messages, traceUrl, chunkUrl, autofocus}
   * Fires `conversation` when one was opened or changed.
   */
  constructor(root, door, config) {
    super();
    this.root = root;
    this.door = door;
    this.config = config;
    this.conversationId = config.conversation ?? null;
    this.#build();
    this.panel = new SourcePanel(root, config);
    this.show(config.messages ?? []);
    if (!door.perConversation || this.conversationId) {
      this.#connect();
    }
    if (config.autofocus !== false) {
      this.field.focus({ preventScroll: true });
    }
  }

  #build() {
    this.thread = el("div", { class: "agents-thread__inner" });
    this.scroller = el("div", {
      class: "agents-thread", role: "log", "aria-live": "off", "aria-label": gettext("Conversation"), tabindex: "0",
      onscroll: () => this.#scrolled(),
    }, [this.thread]);
    this.jump = el("button", {
      type: "button", class: "agents-jump", hidden: true, title: gettext("To the newest message"),
      "aria-label": gettext("To the newest message"), onclick: () => this.#toBottom(true),
    }, [icon("arrow_downward")]);
    this.field = el("textarea", {
      class: "agents-composer__field", rows: "1", maxlength: "16000",
      placeholder: gettext("Ask a question"), "aria-label": gettext("Your question"),
      onkeydown: (event) => this.#key(event), oninput: () => this.#grow(),
    });
    this.sendButton = el("button", {
      type: "submit", class: "agents-send", title: gettext("Send (Enter)"), "aria-label": gettext("Send"),
    }, [icon("arrow_upward")]);
    this.stopButton = el("button", {
      type: "button", class: "agents-send agents-send--stop", hidden: true, title: gettext("Stop (Esc)"),
      "aria-label": gettext("Stop"), onclick: () => this.stop(),
    }, [icon("stop")]);
    this.state = el("div", { class: "agents-connection", role: "status", hidden: true });
    const form = el("form", { class: "agents-composer", onsubmit: (event) => this.#submit(event) }, [
      this.field, this.sendButton, this.stopButton,
    ]);
    const hint = el("p", { class: "agents-hint", text: this.config.hint ?? gettext("Answers may be wrong. Check the sources.") });
    this.root.append(el("div", { class: "agents-chat__main" }, [
      this.scroller, el("div", { class: "agents-chat__foot" }, [this.jump, this.state, form, hint]),
    ]));
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.running && !this.panel.open) {
        event.preventDefault();
        this.stop();
      }
    });
  }

  /** Show these messages instead of what is there; an answer that is being written is followed. */
  show(messages) {
    this.#views.clear();
    this.thread.replaceChildren();
    if (messages.length === 0) {
      this.thread.append(this.#opening());
    }
    messages.forEach((message) => this.#add(message));
    this.#update();
    this.#toBottom();
  }

  /** Open another conversation, or an empty one with null. */
  async open(conversationId) {
    this.panel.close();
    const messages = conversationId ? (await this.door.load(conversationId)).messages : [];
    this.conversationId = conversationId;
    this.show(messages);
    if (this.door.perConversation) {
      this.#socket?.close();
      this.#socket = null;
      if (conversationId) {
        this.#connect();
      }
    } else {
      this.#attachRunning();
    }
    this.field.focus();
  }

  get running() {
    const last = [...this.#views.values()].at(-1);
    return last instanceof AnswerView && isRunning(last.message) ? last : null;
  }

  /** Ask a question; `edited` is the id of the question that it replaces. */
  async ask(text, edited = null) {
    if (this.running || this.busy) {
      return;
    }
    this.busy = true;
    this.#update();
    try {
      if (!this.conversationId && this.door.perConversation) {
        this.conversationId = (await this.door.create()).id;
        this.#connect();
      }
      this.#send({ type: "ask", text, ...(edited ? { edited } : {}) });
    } catch {
      this.busy = false;
      this.field.value ||= text;
      this.#update();
    }
  }

  stop() {
    const view = this.running;
    if (view) {
      this.stopButton.disabled = true;
      this.#send({ type: "stop", message: view.message.id });
    }
  }

  #send(command) {
    this.#connect();
    this.#socket.send({ ...command, conversation: this.conversationId });
  }

  #connect() {
    if (this.#socket) {
      return;
    }
    const socket = new ChatSocket(this.door.socketPath(this.conversationId));
    this.#socket = socket;
    socket.addEventListener("ready", () => this.#attachRunning());
    socket.addEventListener("message", (event) => this.#received(event.detail));
    socket.addEventListener("state", (event) => this.#connection(event.detail));
  }

  #attachRunning() {
    const view = this.running;
    if (view) {
      if (view.seq === 0) {
        view.restart();
      }
      this.#send({ type: "attach", message: view.message.id, after_seq: view.seq });
    }
  }

  #received(message) {
    if (message.type === "asked") {
      this.#asked(message);
    } else if (message.type === "error") {
      this.busy = false;
      this.#restoreField();
      this.#update();
      toast(message.detail, "error");
    } else {
      this.#event(message);
    }
  }

  #asked({ conversation, question, answer }) {
    this.busy = false;
    this.pending = "";
    const isNew = this.conversationId !== conversation.id;
    this.conversationId = conversation.id;
    if (!this.#views.has(question.id)) {
      this.#cutAfter(question.parent_id);
      this.#add(question);
    }
    this.#cutAfter(question.id);
    this.#add(answer);
    this.#update();
    this.#toBottom();
    this.dispatchEvent(new CustomEvent("conversation", { detail: { conversation, isNew } }));
    const siblings = [question, answer].some((m) => this.#views.get(m.id) && m.siblings.length > 1);
    this.stale = siblings;
  }

  #event(event) {
    const view = this.#views.get(event.message);
    if (!(view instanceof AnswerView)) {
      return;
    }
    view.apply(event);
    if (event.type.startsWith("run.") && event.type !== "run.started") {
      this.#finished(view);
    }
  }

  #finished(view) {
    this.stopButton.disabled = false;
    this.#update();
    this.announce(view.message.content);
    this.dispatchEvent(new CustomEvent("finished", { detail: view.message }));
  }

  /** Read a finished answer out to screen readers once, not token by token. */
  announce(text) {
    this.live ??= this.root.appendChild(el("div", { class: "fw-visually-hidden", "aria-live": "polite" }));
    this.live.textContent = text.slice(0, 2000);
  }

  #cutAfter(id) {
    const keep = [...this.#views.keys()];
    const at = id === null ? -1 : keep.indexOf(id);
    if (id !== null && at < 0) {
      return;
    }
    for (const gone of keep.slice(at + 1)) {
      this.#views.get(gone).node.remove();
      this.#views.delete(gone);
    }
  }

  #add(message) {
    this.thread.querySelector(".agents-opening")?.remove();
    const View = message.role === "user" ? QuestionView : AnswerView;
    const view = new View(message, this.#actions());
    this.#views.set(message.id, view);
    this.thread.append(view.node);
  }

  #actions() {
    const { config, door } = this;
    return {
      initial: (config.agent.name.trim()[0] ?? "A").toUpperCase(),
      traceUrl: config.traceUrl ? (id) => config.traceUrl.replace("__id__", id) : null,
      source: (citation, from) => this.panel.show(citation, from),
      grown: () => this.#follow(),
      regenerate: (message) => {
        if (!this.running) {
          this.#send({ type: "regenerate", message: message.id });
        }
      },
      edit: (message, node) => this.#edit(message, node),
      show: async (id) => {
        await door.show(id, this.conversationId);
        const at = this.scroller.scrollTop;
        this.show((await door.load(this.conversationId)).messages);
        this.scroller.scrollTop = at;
      },
      feedback: (view, value, button) => this.#feedback(view, value, button),
    };
  }

  async #feedback(view, value, button) {
    const { message } = view;
    const next = message.feedback === value ? null : value;
    await this.door.feedback(message.id, next, "", this.conversationId);
    Object.assign(message, { feedback: next, feedback_comment: "" });
    view.render();
    if (next !== null) {
      const comment = await askReason(view.tools, next);
      if (comment) {
        await this.door.feedback(message.id, next, comment, this.conversationId);
        message.feedback_comment = comment;
        toast(gettext("Thank you."), "ok");
      }
    }
    button?.isConnected && button.focus();
  }

  #edit(message, node) {
    if (this.running) {
      return;
    }
    const field = el("textarea", { class: "agents-edit__field", rows: "3", "aria-label": gettext("Your question") });
    field.value = message.content;
    const close = () => {
      form.remove();
      node.classList.remove("is-editing");
    };
    const form = el("form", {
      class: "agents-edit",
      onsubmit: (event) => {
        event.preventDefault();
        close();
        if (field.value.trim()) {
          this.ask(field.value.trim(), message.id);
        }
      },
      onkeydown: (event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          close();
        } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          form.requestSubmit();
        }
      },
    }, [
      field,
      el("div", { class: "fw-row fw-row--end" }, [
        el("button", { type: "button", class: "fw-button fw-button--small", text: gettext("Cancel"), onclick: close }),
        el("button", { type: "submit", class: "fw-button fw-button--small fw-button--primary", text: gettext("Send") }),
      ]),
    ]);
    node.classList.add("is-editing");
    node.append(form);
    field.focus();
  }

  #opening() {
    const { agent } = this.config;
    const suggestions = (agent.suggested_questions ?? []).map((question) =>
      el("button", { type: "button", class: "agents-suggestion", onclick: () => this.ask(question) }, [
        el("span", { text: question }), icon("north_east"),
      ]),
    );
    const notice = agent.ready === false
      ? el("div", { class: "fw-notice fw-notice--warn" }, [icon("info"), el("span", { text: gettext("This agent has no model yet.") })])
      : null;
    return el("div", { class: "agents-opening" }, [
      el("div", { class: "agents-avatar agents-avatar--large", "aria-hidden": "true", text: this.#actions().initial }),
      el("h2", { class: "agents-opening__name", text: agent.name }),
      el("p", { class: "agents-opening__text", text: agent.opening || agent.description || gettext("How can I help you?") }),
      notice,
      el("div", { class: "agents-suggestions" }, suggestions),
    ]);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (!text || this.running || this.busy) {
      return;
    }
    this.pending = text;
    this.field.value = "";
    this.#grow();
    this.ask(text);
  }

  #restoreField() {
    if (this.pending && !this.field.value) {
      this.field.value = this.pending;
      this.pending = "";
      this.#grow();
    }
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      this.field.form.requestSubmit();
    }
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 220)}px`;
    this.#allowSending();
  }

  #allowSending() {
    this.sendButton.disabled = Boolean(this.busy) || !this.field.value.trim();
  }

  #update() {
    const running = Boolean(this.running);
    this.stopButton.hidden = !running;
    this.sendButton.hidden = running;
    this.#allowSending();
    this.root.classList.toggle("is-busy", running || Boolean(this.busy));
  }

  #connection(state) {
    const texts = { lost: gettext("Connecting again…"), gone: gettext("This page is not available any more. Reload it.") };
    clearTimeout(this.stateTimer);
    const show = () => {
      this.state.hidden = state === "open";
      this.state.textContent = texts[state] ?? "";
    };
    // a short gap is not worth a word
    this.stateTimer = setTimeout(show, state === "lost" ? 1200 : 0);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#sticky = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    this.jump.hidden = this.#sticky;
  }

  #follow() {
    if (this.#sticky) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
    } else {
      this.jump.hidden = false;
    }
  }

  #toBottom(smooth = false) {
    this.#sticky = true;
    this.jump.hidden = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }
}
