// A list of messages that people write, add, remove and move.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, icon, iconButton } from "../dom.js";
import { area, field, input, select } from "./fields.js";
import { ROLES } from "./state.js";

function addButton(label, onclick) {
  return el("button", { type: "button", class: "fw-button fw-button--small fw-button--ghost", onclick }, [
    icon("add"),
    label,
  ]);
}

export class MessageList {
  /** `changed(structure)` is told of every change; `structure` is true when messages came, went or moved. */
  constructor(messages, { label, changed, placeholders = true }) {
    this.messages = messages;
    this.changed = changed;
    this.placeholders = placeholders;
    this.list = el("ol", { class: "playground-messages", "aria-label": label });
    this.node = el("div", {}, [
      this.list,
      el("div", { class: "fw-row" }, [
        addButton(gettext("Message"), () => this.add({ role: this.#nextRole(), content: "" })),
        placeholders
          ? addButton(gettext("Placeholder"), () => this.add({ type: "placeholder", name: "history" }))
          : null,
      ]),
    ]);
    this.render();
  }

  #nextRole() {
    const last = this.messages.at(-1);
    return last?.role === "user" ? "assistant" : "user";
  }

  add(...messages) {
    this.messages.push(...messages);
    this.render(this.messages.length - 1);
    this.changed(true);
  }

  #remove(index) {
    this.messages.splice(index, 1);
    this.render(Math.min(index, this.messages.length - 1));
    this.changed(true);
  }

  #move(index, by) {
    const [message] = this.messages.splice(index, 1);
    this.messages.splice(index + by, 0, message);
    this.render(index + by, by < 0 ? "up" : "down");
    this.changed(true);
  }

  /** Draw all; the focus goes to a message (its text, or the button of a direction). */
  render(focused = null, direction = "") {
    this.list.replaceChildren(...this.messages.map((message, index) => this.#row(message, index)));
    if (focused === null || focused < 0) {
      return;
    }
    const row = this.list.children[focused];
    const button = direction ? row?.querySelector(`[data-move=${direction}]:not(:disabled)`) : null;
    (button ?? row?.querySelector("textarea, input"))?.focus();
  }

  #row(message, index) {
    const number = { n: index + 1 };
    return el("li", { class: `playground-message playground-message--${message.role ?? "placeholder"}` }, [
      el("div", { class: "playground-message__head" }, [
        message.type === "placeholder"
          ? el("span", { class: "fw-overline", text: gettext("Placeholder") })
          : this.#role(message, index, number),
        el("span", { class: "fw-grow" }),
        iconButton("arrow_upward", interpolate(gettext("Move message %(n)s up"), number), () => this.#move(index, -1), {
          disabled: index === 0,
          "data-move": "up",
        }),
        iconButton(
          "arrow_downward",
          interpolate(gettext("Move message %(n)s down"), number),
          () => this.#move(index, 1),
          { disabled: index === this.messages.length - 1, "data-move": "down" },
        ),
        iconButton("close", interpolate(gettext("Remove message %(n)s"), number), () => this.#remove(index)),
      ]),
      ...(message.type === "placeholder" ? this.#placeholder(message) : this.#parts(message, number)),
    ]);
  }

  #role(message, index, number) {
    const titles = {
      system: gettext("System"),
      user: gettext("User"),
      assistant: gettext("Assistant"),
      tool: gettext("Tool"),
    };
    return select(
      message,
      "role",
      ROLES.map((role) => [role, titles[role]]),
      () => {
        if (message.role !== "assistant") {
          delete message.tool_calls;
        }
        if (message.role !== "tool") {
          delete message.tool_call_id;
        }
        this.render(index);
        this.changed(true);
      },
      { "aria-label": interpolate(gettext("Role of message %(n)s"), number) },
    );
  }

  #placeholder(message) {
    const name = input(message, "name", () => this.changed(false), {
      "aria-label": gettext("Name of the placeholder"),
      maxlength: "200",
    });
    return [name, el("p", { class: "fw-field__help", text: gettext("A list of messages goes here; it is written above.") })];
  }

  #parts(message, number) {
    const parts = [];
    if (message.role === "tool") {
      parts.push(
        field(
          gettext("Answers the call"),
          input(message, "tool_call_id", () => this.changed(false), { class: "fw-input fw-input--small fw-mono" }),
        ),
      );
    }
    parts.push(
      area(message, "content", () => this.changed(false), {
        "aria-label": interpolate(gettext("Text of message %(n)s"), number),
        placeholder: message.role === "system" ? gettext("Instructions, with {{variables}}") : "",
      }),
    );
    for (const call of message.tool_calls ?? []) {
      parts.push(this.#call(message, call));
    }
    if (message.role === "assistant") {
      parts.push(
        addButton(gettext("Tool call"), () => {
          const calls = (message.tool_calls ??= []);
          calls.push({ id: `call_${calls.length + 1}`, name: "", arguments: "{}" });
          this.render(this.messages.indexOf(message));
          this.changed(true);
        }),
      );
    }
    if (message.images?.length) {
      parts.push(this.#images(message));
    }
    return parts;
  }

  #call(message, call) {
    const changed = () => this.changed(false);
    return el("div", { class: "playground-call" }, [
      el("div", { class: "fw-row fw-row--nowrap" }, [
        input(call, "name", changed, { "aria-label": gettext("Tool"), placeholder: gettext("Tool") }),
        input(call, "id", changed, {
          class: "fw-input fw-input--small fw-mono",
          "aria-label": gettext("Id of the call"),
        }),
        iconButton("close", gettext("Remove the call"), () => {
          message.tool_calls.splice(message.tool_calls.indexOf(call), 1);
          if (message.tool_calls.length === 0) {
            delete message.tool_calls;
          }
          this.render(this.messages.indexOf(message));
          this.changed(true);
        }),
      ]),
      area(call, "arguments", changed, {
        class: "fw-textarea playground-area fw-mono",
        "aria-label": gettext("Arguments (JSON)"),
        spellcheck: "false",
      }),
    ]);
  }

  #images(message) {
    return el(
      "ul",
      { class: "playground-images" },
      message.images.map((image) =>
        el("li", { class: "fw-chip" }, [
          icon("image"),
          el("span", { class: "fw-truncate", text: image.url.slice(0, 60) }),
          iconButton("close", gettext("Remove the picture"), () => {
            message.images.splice(message.images.indexOf(image), 1);
            this.render(this.messages.indexOf(message));
            this.changed(true);
          }),
        ]),
      ),
    );
  }
}
