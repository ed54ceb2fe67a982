// Values of the variables and messages of the placeholders, which all columns share.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el } from "../dom.js";
import { area, field } from "./fields.js";
import { MessageList } from "./messages.js";
import { namesIn } from "./state.js";

export class Values {
  #shown = "";

  constructor(node, state, changed) {
    this.node = node;
    this.state = state;
    this.changed = changed;
  }

  /** Show a field for each name that stands in a message; drawn anew only when the names change. */
  draw() {
    const { variables, placeholders } = namesIn(this.state);
    const shown = JSON.stringify([variables, placeholders]);
    if (shown === this.#shown) {
      return;
    }
    this.#shown = shown;
    this.node.hidden = variables.length + placeholders.length === 0;
    this.node.replaceChildren(
      el("h2", { class: "fw-heading", text: gettext("Variables") }),
      el(
        "div",
        { class: "playground-values" },
        variables.map((name) => this.#variable(name)),
      ),
      ...placeholders.map((name) => this.#placeholder(name)),
    );
  }

  #variable(name) {
    const control = area(
      this.state.variables,
      name,
      () => {
        mark();
        this.changed();
      },
      { placeholder: gettext("empty") },
    );
    const mark = () => control.classList.toggle("playground-area--empty", !control.value);
    mark();
    return field(name, control);
  }

  #placeholder(name) {
    const label = interpolate(gettext("Messages of the placeholder %(name)s"), { name });
    const messages = (this.state.placeholders[name] ??= []);
    const list = new MessageList(messages, { label, changed: () => this.changed(), placeholders: false });
    return el("div", { class: "playground-placeholder" }, [el("h3", { class: "fw-field__label", text: label }), list.node]);
  }
}
