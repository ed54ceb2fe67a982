// The right pane: verdict, labels, correction, comment. It knows values, not items.
import { pageLanguage } from "../../../core/js/i18n.js";
import { diff, renderDiff } from "./diff.js";

const DIFF_DELAY_MS = 120;

export const BLANK = Object.freeze({ verdict: "", labels: [], corrected_answer: "", comment: "" });

/** Is nothing said? */
export function isBlank(values) {
  return !values.verdict && values.labels.length === 0 && !values.corrected_answer.trim() && !values.comment.trim();
}

/** Do two judgements say the same? */
export function isSame(a, b) {
  return (
    a.verdict === b.verdict &&
    a.corrected_answer === b.corrected_answer &&
    a.comment === b.comment &&
    [...a.labels].sort().join("\n") === [...b.labels].sort().join("\n")
  );
}

export class DeskForm {
  #form;
  #verdicts;
  #labels;
  #correction = document.getElementById("desk-correction");
  #comment = document.getElementById("desk-comment");
  #diff = document.getElementById("desk-diff");
  #clear = document.getElementById("desk-clear");
  #prefill = document.getElementById("desk-prefill");
  #original = "";
  #timer = 0;
  #onChange;

  constructor(form, onChange) {
    this.#form = form;
    this.#onChange = onChange;
    this.#verdicts = [...form.querySelectorAll("[data-verdict]")];
    this.#labels = [...form.querySelectorAll("[data-label]")];
    this.#verdicts.forEach((button) => button.addEventListener("click", () => this.judge(button.dataset.verdict)));
    this.#labels.forEach((button) => button.addEventListener("click", () => this.#toggle(button)));
    this.#correction.addEventListener("input", () => this.#changed());
    this.#comment.addEventListener("input", () => this.#changed());
    this.#prefill.addEventListener("click", () => this.editCorrection());
    this.#clear.addEventListener("click", () => this.#discardCorrection());
  }

  get values() {
    return {
      verdict: this.#verdicts.find((button) => button.ariaPressed === "true")?.dataset.verdict ?? "",
      labels: this.#labels.filter((button) => button.ariaPressed === "true").map((button) => button.dataset.label),
      corrected_answer: this.#correction.value,
      comment: this.#comment.value,
    };
  }

  /** Show `values` for an answer that said `original`. */
  fill(values, original) {
    this.#original = original;
    this.#verdicts.forEach((button) => press(button, button.dataset.verdict === values.verdict));
    this.#labels.forEach((button) => press(button, values.labels.includes(button.dataset.label)));
    this.#correction.value = values.corrected_answer;
    this.#comment.value = values.comment;
    this.#fit();
    this.#showDiff();
  }

  setEnabled(enabled) {
    for (const control of this.#form.elements) {
      control.disabled = !enabled;
    }
  }

  /** Thumb up or down; the same again takes it back. */
  judge(verdict) {
    this.#verdicts.forEach((button) =>
      press(button, button.dataset.verdict === verdict && button.ariaPressed !== "true"),
    );
    this.#onChange();
  }

  toggleKey(key) {
    const button = this.#labels.find((label) => label.dataset.key === key);
    if (button) {
      this.#toggle(button);
    }
    return Boolean(button);
  }

  /** Put the cursor into the correction; an empty one starts from the answer. */
  editCorrection() {
    if (!this.#correction.value) {
      this.#correction.value = this.#original;
      this.#changed();
    }
    this.#correction.focus();
    this.#correction.setSelectionRange(0, 0);
  }

  comment() {
    this.#comment.focus();
  }

  #toggle(button) {
    press(button, button.ariaPressed !== "true");
    this.#onChange();
  }

  #discardCorrection() {
    this.#correction.value = "";
    this.#changed();
    this.#correction.focus();
  }

  #changed() {
    this.#fit();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#showDiff(), DIFF_DELAY_MS);
    this.#onChange();
  }

  /** As tall as its text, within limits the style sheet sets. */
  #fit() {
    const lines = this.#correction.value.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 56), 0);
    this.#correction.rows = Math.min(Math.max(lines, 3), 16);
    this.#clear.hidden = !this.#correction.value;
    this.#prefill.hidden = Boolean(this.#correction.value);
  }

  #showDiff() {
    const text = this.#correction.value;
    const differs = text.trim() !== "" && text.trimEnd() !== this.#original.trimEnd();
    this.#diff.hidden = !differs;
    if (differs) {
      renderDiff(this.#diff, diff(this.#original, text, pageLanguage()));
    }
  }
}

function press(button, pressed) {
  button.ariaPressed = String(pressed);
}
