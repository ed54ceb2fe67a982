// The form that gives a score: by a definition of the workspace, which says what fits, or under a name of one's own.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { el } from "./format.js";

const TYPES = [
  ["numeric", gettext("Number")],
  ["boolean", gettext("Yes or no")],
  ["categorical", gettext("Category")],
  ["text", gettext("Text")],
];
let made = 0;

export class ScoreForm {
  /** `score` is the one to edit, or null. `onSave(values)` may throw what the server said. */
  constructor({ configs, score, onSave, onCancel }) {
    this.configs = configs;
    this.score = score;
    this.onSave = onSave;
    this.id = `score-form-${(made += 1)}`;
    this.element = el("form", "tr-score-form fw-card fw-card--sunken fw-stack fw-stack--small");
    this.element.append(...this.head(), this.valueBox(), ...this.foot(onCancel));
    this.element.addEventListener("submit", (event) => this.submit(event));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        onCancel();
      }
    });
    this.drawValue();
  }

  focus() {
    this.element.querySelector("select, input, textarea")?.focus();
  }

  head() {
    if (this.score) {
      return [el("p", "fw-strong", this.score.name)];
    }
    const parts = [];
    if (this.configs.length) {
      this.which = el("select", "fw-select");
      this.configs.forEach((config) => this.which.append(el("option", "", config.name, { value: config.name })));
      this.which.append(el("option", "", gettext("Another name…"), { value: "" }));
      this.which.addEventListener("change", () => this.drawValue());
      parts.push(field(gettext("Score"), this.which));
    }
    this.name = el("input", "fw-input", "", { maxlength: "100" });
    this.type = el("select", "fw-select");
    TYPES.forEach(([value, title]) => this.type.append(el("option", "", title, { value })));
    this.type.addEventListener("change", () => this.drawValue());
    this.free = el("div", "fw-row");
    this.free.append(field(gettext("Name"), this.name), field(gettext("Type"), this.type));
    return [...parts, this.free];
  }

  valueBox() {
    this.box = el("div");
    return this.box;
  }

  foot(onCancel) {
    this.comment = el("textarea", "fw-textarea", "", { rows: "2", maxlength: "5000" });
    this.comment.value = this.score?.comment ?? "";
    this.problem = el("p", "fw-field__error", "", { role: "alert", hidden: "" });
    this.save = el("button", "fw-button fw-button--small fw-button--primary", gettext("Save the score"), { type: "submit" });
    const cancel = el("button", "fw-button fw-button--small fw-button--ghost", gettext("Cancel"), { type: "button" });
    cancel.addEventListener("click", onCancel);
    const row = el("div", "fw-row");
    row.append(this.save, cancel);
    return [field(gettext("Why (optional)"), this.comment), this.problem, row];
  }

  /** The definition that binds the value, if any. */
  get config() {
    const name = this.score ? this.score.name : this.which?.value;
    return this.configs.find((config) => config.name === name);
  }

  get dataType() {
    return this.config?.data_type ?? this.score?.data_type ?? this.type.value;
  }

  drawValue() {
    if (this.free) {
      this.free.hidden = Boolean(this.config);
      this.name.required = !this.config;
    }
    const draw = { numeric: () => this.number(), boolean: () => this.choice([[1, gettext("Yes")], [0, gettext("No")]]), categorical: () => this.category(), text: () => this.text("textarea") };
    this.box.replaceChildren(draw[this.dataType]());
    if (this.config?.description) {
      this.box.append(el("p", "fw-field__help", this.config.description));
    }
  }

  number() {
    const input = el("input", "fw-input", "", { type: "number", step: "any", required: "", name: "value" });
    const { min_value: low, max_value: high } = this.config ?? {};
    const known = (limit) => limit !== null && limit !== undefined;
    if (known(low)) {
      input.min = low;
    }
    if (known(high)) {
      input.max = high;
    }
    input.value = this.score?.value ?? "";
    this.read = () => ({ value: Number(input.value) });
    const range = known(low) && known(high) ? interpolate(gettext("%(low)s to %(high)s"), { low, high }) : "";
    return field(range ? `${gettext("Value")} (${range})` : gettext("Value"), input);
  }

  category() {
    const categories = this.config?.categories ?? [];
    return categories.length ? this.choice(categories.map((name) => [name, name])) : this.text("input");
  }

  choice(options) {
    const group = el("fieldset", "tr-choice");
    group.append(el("legend", "fw-field__label", gettext("Value")));
    const given = this.dataType === "boolean" ? this.score?.value : this.score?.string_value;
    options.forEach(([value, title]) => {
      const label = el("label", "tr-choice__option");
      const radio = el("input", "", "", { type: "radio", name: `${this.id}-value`, value: String(value), required: "" });
      radio.checked = given === value;
      label.append(radio, el("span", "", title));
      group.append(label);
    });
    this.read = () => {
      const value = group.querySelector("input:checked")?.value ?? "";
      return this.dataType === "boolean" ? { value: Number(value) } : { string_value: value };
    };
    return group;
  }

  text(tag) {
    const input = el(tag, tag === "input" ? "fw-input" : "fw-textarea", "", { required: "", maxlength: "5000" });
    input.value = this.score?.string_value ?? "";
    this.read = () => ({ string_value: input.value });
    return field(gettext("Value"), input);
  }

  async submit(event) {
    event.preventDefault();
    this.save.disabled = true;
    this.problem.hidden = true;
    try {
      await this.onSave({
        name: this.score?.name ?? (this.which?.value || this.name.value),
        data_type: this.dataType,
        comment: this.comment.value,
        ...this.read(),
      });
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    } finally {
      this.save.disabled = false;
    }
  }
}

function field(title, input) {
  const label = el("label", "fw-field");
  label.append(el("span", "fw-field__label", title), input);
  return label;
}
