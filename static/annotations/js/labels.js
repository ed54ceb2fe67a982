// The labels field of a queue: rows of name, colour and key instead of JSON.
import { gettext } from "../../core/js/i18n.js";

const NAMES = {
  gray: gettext("Gray"),
  red: gettext("Red"),
  orange: gettext("Orange"),
  yellow: gettext("Yellow"),
  green: gettext("Green"),
  teal: gettext("Teal"),
  blue: gettext("Blue"),
  purple: gettext("Purple"),
  pink: gettext("Pink"),
};

function select(options, value, label) {
  const node = document.createElement("select");
  node.className = "fw-select";
  node.setAttribute("aria-label", label);
  for (const [option, text] of options) {
    node.add(new Option(text, option, false, option === value));
  }
  return node;
}

class LabelsEditor {
  #area;
  #rows;
  #colors;

  constructor(root) {
    this.#area = root.querySelector("textarea");
    this.#rows = root.querySelector("[data-rows]");
    this.#colors = root.dataset.colors.split(" ");
    let labels;
    try {
      labels = JSON.parse(this.#area.value || "[]");
    } catch {
      return; // Not JSON: the text area stays, with what was typed.
    }
    this.#area.hidden = true;
    root.querySelector("[data-tools]").hidden = false;
    root.querySelector("[data-add]").addEventListener("click", () => this.#addRow({}).querySelector("input").focus());
    labels.forEach((label) => this.#addRow(label));
  }

  #addRow({ name = "", color, key = "" }) {
    const row = document.createElement("div");
    row.className = "fw-labels__row";
    const dot = document.createElement("span");
    const input = document.createElement("input");
    input.className = "fw-input";
    input.value = name;
    input.maxLength = 60;
    input.setAttribute("aria-label", gettext("Name of the label"));
    const next = color ?? this.#colors[(this.#rows.children.length + 1) % this.#colors.length];
    const colors = select(this.#colors.map((value) => [value, NAMES[value] ?? value]), next, gettext("Colour"));
    const keys = select([["", gettext("auto")], ...[..."123456789"].map((n) => [n, n])], key, gettext("Key"));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "fw-button fw-button--ghost fw-button--icon";
    remove.setAttribute("aria-label", gettext("Remove this label"));
    remove.innerHTML = '<span class="material-symbols-outlined" aria-hidden="true">close</span>';
    const paint = () => {
      dot.className = `fw-labels__dot desk-color--${colors.value}`;
    };
    paint();
    colors.addEventListener("change", paint);
    remove.addEventListener("click", () => {
      row.remove();
      this.#write();
    });
    row.addEventListener("input", () => this.#write());
    row.addEventListener("change", () => this.#write());
    row.append(dot, input, colors, keys, remove);
    this.#rows.append(row);
    return row;
  }

  #write() {
    const labels = [...this.#rows.children].map((row) => {
      const [colors, keys] = row.querySelectorAll("select");
      return { name: row.querySelector("input").value.trim(), color: colors.value, key: keys.value };
    });
    this.#area.value = JSON.stringify(labels.filter((label) => label.name));
  }
}

document.querySelectorAll("[data-labels-editor]").forEach((root) => new LabelsEditor(root));
