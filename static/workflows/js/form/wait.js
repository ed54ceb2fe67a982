// What a run asks people: a question, a form or an approval, made from the wait's payload.
import { gettext, interpolate, ngettext } from "../../../core/js/i18n.js";
import { relativeTime } from "../../../core/js/time.js";
import { renderMarkdown } from "../../../agents/js/markdown.js";
import { el, icon } from "../dom.js";
import { FieldForm } from "./fields.js";
import { fieldsOf } from "./from-schema.js";

const PLACE = /\[\[\s*([A-Za-z_][A-Za-z0-9_]*)\s*\]\]/g;
const KINDS = {
  question: ["help", gettext("Question")],
  human_input: ["edit_note", gettext("Form")],
  approval: ["approval", gettext("Approval")],
};
const STYLES = { primary: "primary", danger: "danger", plain: "ghost" };

export class WaitForm {
  /** wait: {kind, payload, expires_at}; answer({action, values}) sends and may refuse with `errors`; null: only shown. */
  constructor(wait, { title = "", answer = null, upload } = {}) {
    this.wait = wait;
    this.answer = answer;
    const payload = wait.payload ?? {};
    this.form = new FieldForm(fieldsOf(payload.form), upload ? { upload } : {});
    this.trouble = el("div", { class: "fw-notice fw-notice--error", role: "alert", hidden: true });
    this.buttons = (payload.actions ?? []).map((action) => this.#button(action));
    this.element = el("form", { class: "fw-card fw-stack wf-wait", novalidate: true, "data-wait": wait.path ?? wait.wait }, [
      this.#head(payload, title),
      ...this.#body(payload),
      this.trouble,
      answer
        ? el("div", { class: "fw-row" }, this.buttons)
        : el("p", { class: "fw-muted fw-small", text: gettext("You can't answer this: somebody else was asked.") }),
    ]);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send((payload.actions ?? [])[0]);
    });
    this.#complain(payload.errors ?? {});
  }

  #head(payload, title) {
    const [symbol, kind] = KINDS[this.wait.kind] ?? ["hourglass_top", this.wait.kind];
    const until = this.wait.expires_at ? interpolate(gettext("to be answered %(when)s"), { when: relativeTime(this.wait.expires_at) }) : "";
    const votes = payload.approvals > 1
      ? interpolate(ngettext("%(have)s of %(n)s approval", "%(have)s of %(n)s approvals", payload.approvals), { have: (payload.votes ?? []).length, n: payload.approvals })
      : "";
    return el("div", { class: "fw-row wf-wait__head" }, [
      icon(symbol),
      el("h2", { class: "fw-heading fw-grow", text: payload.title || title || kind }),
      votes ? el("span", { class: "fw-badge fw-badge--info", text: votes }) : null,
      until ? el("span", { class: "fw-small fw-muted", text: until }) : null,
    ]);
  }

  /** The content, with fields where it places them, and the other fields behind it. */
  #body(payload) {
    const content = payload.content ?? "";
    const byName = new Map(this.form.controls.map((control) => [control.field.name, control.element]));
    const nodes = [];
    let at = 0;
    for (const match of content.matchAll(PLACE)) {
      const field = byName.get(match[1]);
      if (field) {
        nodes.push(markdown(content.slice(at, match.index)), field);
        byName.delete(match[1]);
        at = match.index + match[0].length;
      }
    }
    nodes.push(markdown(content.slice(at)), ...byName.values());
    return nodes.filter(Boolean);
  }

  #button(action) {
    const variant = STYLES[action.style];
    return el("button", {
      type: "button", class: `fw-button${variant ? ` fw-button--${variant}` : ""}`, text: action.title || action.id,
      "data-action": action.id, onclick: () => this.#send(action),
    });
  }

  async #send(action) {
    if (!this.answer || !action) {
      return;
    }
    this.trouble.hidden = true;
    const values = action.validates === false ? (this.form.read() ?? {}) : this.form.read();
    const missing = (action.requires ?? []).filter((name) => values && (values[name] === undefined || values[name] === ""));
    if (missing.length) {
      this.form.showErrors(Object.fromEntries(missing.map((name) => [name, gettext("This is required.")])));
      return;
    }
    if (!values) {
      return;
    }
    this.#busy(true);
    try {
      await this.answer({ action: action.id, values });
    } catch (error) {
      this.#busy(false);
      this.#complain(error.errors && Object.keys(error.errors).length ? error.errors : { "": error.message });
    }
  }

  #busy(busy) {
    this.buttons.forEach((button) => {
      button.disabled = busy;
    });
  }

  #complain(errors) {
    const left = this.form.showErrors(errors);
    this.trouble.textContent = left.join(" ");
    this.trouble.hidden = !left.length;
  }
}

function markdown(text) {
  if (!text.trim()) {
    return null;
  }
  const box = el("div", { class: "agents-md" });
  renderMarkdown(box, text);
  return box;
}
