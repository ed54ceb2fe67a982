// A text editor for YAML over a <textarea>: the browser keeps undo, selection, spelling and screen readers; a layer
// below draws the colours, a gutter the line numbers and problems.
import { gettext, interpolate, ngettext } from "../../../core/js/i18n.js";
import { el, iconButton } from "../dom.js";
import { highlightLine, START } from "./highlight.js";

const INDENT = "  ";

export class YamlEditor extends EventTarget {
  #lines = [];
  #marks = new Map();
  #wide = 0;

  /** Fires `change` (text differs), `cursor` (detail: line) and `save` (Ctrl+S). */
  constructor(root, { value = "", label, readOnly = false } = {}) {
    super();
    this.gutter = el("div", { class: "wf-editor__gutter", "aria-hidden": "true" });
    this.paint = el("pre", { class: "wf-editor__paint", "aria-hidden": "true" });
    this.area = el("textarea", {
      class: "wf-editor__area", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off",
      "aria-label": label, "aria-describedby": "wf-editor-keys", readonly: readOnly,
    });
    this.canvas = el("div", { class: "wf-editor__canvas" }, [this.paint, this.area]);
    this.scroller = el("div", { class: "wf-editor__scroll" }, [this.gutter, this.canvas]);
    this.help = el("p", {
      class: "fw-visually-hidden", id: "wf-editor-keys",
      text: gettext("Tab indents, Shift+Tab takes back. Press Escape, then Tab, to leave the editor."),
    });
    root.replaceChildren(this.#findBar(), this.scroller, this.help);
    root.classList.add("wf-editor");
    this.root = root;
    this.#listen();
    this.area.value = value;
    this.#refresh();
  }

  get value() {
    return this.area.value;
  }

  get line() {
    return this.area.value.slice(0, this.area.selectionStart).split("\n").length;
  }

  /** Replace the whole text; with `undoable` the browser's undo brings the old one back. */
  setValue(text, { undoable = true } = {}) {
    if (text === this.area.value) {
      return;
    }
    if (undoable && !this.area.readOnly) {
      this.area.focus();
      this.area.select();
      this.#insert(text);
      this.area.setSelectionRange(0, 0);
    } else {
      this.area.value = text;
    }
    this.#changed();
  }

  /** Insert whole lines after line `line` (1 is the first); the cursor goes to their beginning. */
  insertLines(text, line) {
    const before = this.area.value.split("\n").slice(0, line).join("\n");
    const at = Math.min(before.length, this.area.value.length);
    this.area.focus();
    this.area.setSelectionRange(at, at);
    this.#insert(`${at ? "\n" : ""}${text.replace(/\n$/, "")}`);
    this.goTo(line + 1);
    this.#changed();
  }

  /** Put the cursor on a line and bring it into sight. */
  goTo(line, column = 0) {
    const lines = this.area.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    const at = Math.min(start + column, this.area.value.length);
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(at, at);
    this.#reveal(line);
    this.#flash(line);
    this.#tell("cursor", line);
  }

  /** Problems: [{line, message, severity}]. */
  setProblems(problems) {
    this.#marks = new Map();
    for (const problem of problems) {
      const known = this.#marks.get(problem.line) ?? [];
      this.#marks.set(problem.line, [...known, problem]);
    }
    this.#drawGutter();
    this.#drawMarks();
  }

  focus() {
    this.area.focus();
  }

  openFind() {
    const chosen = this.area.value.slice(this.area.selectionStart, this.area.selectionEnd);
    this.find.hidden = false;
    if (chosen && !chosen.includes("\n")) {
      this.needle.value = chosen;
    }
    this.needle.focus();
    this.needle.select();
    this.#count();
  }

  /* ---- keys ---- */

  #listen() {
    this.area.addEventListener("input", () => this.#changed());
    this.area.addEventListener("keydown", (event) => this.#key(event));
    for (const type of ["keyup", "click"]) {
      this.area.addEventListener(type, () => this.#tell("cursor", this.line));
    }
    this.area.addEventListener("blur", () => {
      this.leaving = false;
    });
  }

  #key(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "s") {
      event.preventDefault();
      this.#tell("save");
    } else if (command && event.key.toLowerCase() === "f") {
      event.preventDefault();
      this.openFind();
    } else if (event.key === "Escape") {
      this.leaving = true; // the next Tab moves the focus, as everywhere else on the page
      return;
    } else if (event.key === "Tab" && !this.leaving && !this.area.readOnly) {
      event.preventDefault();
      this.#indent(event.shiftKey);
    } else if (event.key === "Enter" && !command && !event.isComposing && !this.area.readOnly) {
      event.preventDefault();
      this.#newLine();
    } else if (command && event.key === "/" && !this.area.readOnly) {
      event.preventDefault();
      this.#comment();
    }
    if (event.key !== "Shift") {
      this.leaving = false;
    }
  }

  #newLine() {
    const { value, selectionStart } = this.area;
    const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
    const item = /^(\s*)((?:- +)*)/.exec(line);
    const inner = item[1] + " ".repeat(item[2].length);
    const deeper = /(:|[|>][+-]?)\s*$/.test(line) && line.trim();
    this.#insert(`\n${inner}${deeper ? INDENT : ""}`);
    this.#changed();
    this.#reveal(this.line);
  }

  #indent(back) {
    const { selectionStart, selectionEnd, value } = this.area;
    if (selectionStart === selectionEnd && !back) {
      const column = selectionStart - (value.lastIndexOf("\n", selectionStart - 1) + 1);
      this.#insert(" ".repeat(INDENT.length - (column % INDENT.length)));
      this.#changed();
      return;
    }
    this.#eachLine((line) => {
      if (back) {
        return line.replace(/^ {1,2}/, "");
      }
      return line ? INDENT + line : line;
    });
  }

  #comment() {
    const lines = this.#chosenLines().split("\n").filter((line) => line.trim());
    const off = lines.length > 0 && lines.every((line) => /^\s*#/.test(line));
    this.#eachLine((line) => {
      if (off) {
        return line.replace(/^(\s*)# ?/, "$1");
      }
      return line.trim() ? line.replace(/^(\s*)/, "$1# ") : line;
    });
  }

  #chosenRange() {
    const { selectionStart, selectionEnd, value } = this.area;
    const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
    // a selection that ends at the beginning of a line does not mean that line
    const last = selectionEnd > selectionStart && value[selectionEnd - 1] === "\n" ? selectionEnd - 1 : selectionEnd;
    const end = value.indexOf("\n", last);
    return [from, end < 0 ? value.length : end];
  }

  #chosenLines() {
    const [from, to] = this.#chosenRange();
    return this.area.value.slice(from, to);
  }

  #eachLine(change) {
    const [from, to] = this.#chosenRange();
    const single = this.area.selectionStart === this.area.selectionEnd;
    const behind = this.area.value.length - this.area.selectionEnd;
    const text = this.area.value.slice(from, to).split("\n").map(change).join("\n");
    this.area.setSelectionRange(from, to);
    this.#insert(text);
    if (single) {
      const at = Math.max(from, this.area.value.length - behind);
      this.area.setSelectionRange(at, at);
    } else {
      this.area.setSelectionRange(from, from + text.length);
    }
    this.#changed();
  }

  /** Type a text over the selection. The old command is the only one whose work the browser can undo. */
  #insert(text) {
    const done = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
    if (!done) {
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    }
  }

  /* ---- drawing ---- */

  #changed() {
    this.#refresh();
    this.#tell("change");
  }

  /** Draw the lines that differ from what is drawn, together with those whose block began elsewhere. */
  #refresh() {
    const texts = this.area.value.split("\n");
    const old = this.#lines;
    let first = 0;
    while (first < texts.length && first < old.length && old[first].text === texts[first]) {
      first += 1;
    }
    let same = 0;
    while (same < texts.length - first && same < old.length - first
           && old[old.length - 1 - same].text === texts[texts.length - 1 - same]) {
      same += 1;
    }
    const fresh = [];
    let state = first ? old[first - 1].after : START;
    for (let at = first; at < texts.length - same; at += 1) {
      fresh.push(drawLine(texts[at], state));
      state = fresh.at(-1).after;
    }
    old.slice(first, old.length - same).forEach((line) => line.node.remove());
    const next = old[old.length - same]?.node ?? null;
    fresh.forEach((line) => this.paint.insertBefore(line.node, next));
    this.#lines = [...old.slice(0, first), ...fresh, ...old.slice(old.length - same)];
    this.#repaint(first + fresh.length, state);
    this.#measure();
    this.#drawGutter();
    this.#drawMarks();
    if (!this.find.hidden) {
      this.#count();
    }
  }

  #repaint(from, entered) {
    let state = entered;
    for (let at = from; at < this.#lines.length && this.#lines[at].before !== state; at += 1) {
      const line = drawLine(this.#lines[at].text, state);
      this.#lines[at].node.replaceWith(line.node);
      this.#lines[at] = line;
      state = line.after;
    }
  }

  #measure() {
    const wide = this.#lines.reduce((most, line) => Math.max(most, width(line.text)), 0);
    if (wide !== this.#wide) {
      this.#wide = wide;
      this.canvas.style.setProperty("--wf-columns", wide + 4);
    }
    this.canvas.style.setProperty("--wf-lines", this.#lines.length);
  }

  #drawGutter() {
    const { gutter } = this;
    while (gutter.childElementCount > this.#lines.length) {
      gutter.lastElementChild.remove();
    }
    while (gutter.childElementCount < this.#lines.length) {
      gutter.append(el("span", { text: gutter.childElementCount + 1 }));
    }
    for (const node of gutter.querySelectorAll("[data-severity]")) {
      delete node.dataset.severity;
      node.removeAttribute("title");
    }
    for (const [line, problems] of this.#marks) {
      const node = gutter.children[Math.min(line, this.#lines.length) - 1];
      if (node) {
        node.dataset.severity = worst(problems);
        node.title = problems.map((problem) => problem.message).join("\n");
      }
    }
  }

  #drawMarks() {
    this.paint.querySelectorAll("[data-severity]").forEach((node) => delete node.dataset.severity);
    for (const [line, problems] of this.#marks) {
      const found = this.#lines[Math.min(line, this.#lines.length) - 1];
      if (found) {
        found.node.dataset.severity = worst(problems);
      }
    }
  }

  #flash(line) {
    const node = this.#lines[line - 1]?.node;
    if (node) {
      node.classList.remove("is-flashing");
      void node.offsetWidth; // restarts the animation
      node.classList.add("is-flashing");
    }
  }

  #reveal(line) {
    const height = this.paint.scrollHeight / Math.max(this.#lines.length, 1);
    const top = (line - 1) * height;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop + height || top > scrollTop + clientHeight - 3 * height) {
      this.scroller.scrollTop = Math.max(0, top - clientHeight / 3);
      this.scroller.scrollLeft = 0;
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /* ---- find ---- */

  #findBar() {
    this.needle = el("input", {
      class: "fw-input fw-input--small", type: "search", placeholder: gettext("Find"), "aria-label": gettext("Find"),
      oninput: () => this.#count(),
      onkeydown: (event) => this.#findKey(event),
    });
    this.hits = el("span", { class: "fw-muted fw-small fw-number", role: "status" });
    this.find = el("div", { class: "wf-editor__find fw-row", role: "search", hidden: true }, [
      this.needle, this.hits,
      iconButton("keyboard_arrow_up", gettext("Previous"), () => this.#step(-1)),
      iconButton("keyboard_arrow_down", gettext("Next"), () => this.#step(1)),
      iconButton("close", gettext("Close"), () => this.#closeFind()),
    ]);
    return this.find;
  }

  #findKey(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.#step(event.shiftKey ? -1 : 1);
      this.needle.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.#closeFind();
    }
  }

  #closeFind() {
    this.find.hidden = true;
    this.area.focus();
  }

  #places() {
    const needle = this.needle.value.toLowerCase();
    const text = this.area.value.toLowerCase();
    const places = [];
    for (let at = needle ? text.indexOf(needle) : -1; at >= 0 && places.length < 10000; at = text.indexOf(needle, at + 1)) {
      places.push(at);
    }
    return places;
  }

  #count() {
    const count = this.#places().length;
    this.hits.textContent = this.needle.value
      ? interpolate(ngettext("%(n)s hit", "%(n)s hits", count), { n: count })
      : "";
  }

  #step(direction) {
    const places = this.#places();
    if (!places.length) {
      return;
    }
    const at = this.area.selectionStart;
    const next = direction > 0
      ? places.find((place) => place > at || (place === at && this.area.selectionEnd === at)) ?? places[0]
      : places.findLast((place) => place < at) ?? places.at(-1);
    const line = this.area.value.slice(0, next).split("\n").length;
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(next, next + this.needle.value.length);
    this.#reveal(line);
    this.#tell("cursor", line);
  }
}

function drawLine(text, before) {
  const { pieces, state } = highlightLine(text, before);
  const code = el("span", { class: "wf-editor__code" });
  const [first] = pieces;
  const indent = first && !first[1].trim() ? first[1] : "";
  for (const [kind, part] of indent ? pieces.slice(1) : pieces) {
    code.append(kind ? el("span", { class: `wf-yaml--${kind}`, text: part }) : part);
  }
  const node = el("span", { class: "wf-editor__line" }, [indent, code, "\n"]);
  return { text, before, after: state, node };
}

/** Columns a text takes in a fixed font: East Asian characters are two wide. */
function width(text) {
  let columns = 0;
  for (const letter of text) {
    columns += letter.codePointAt(0) > 0x2e7f ? 2 : 1;
  }
  return columns;
}

function worst(problems) {
  return problems.some((problem) => problem.severity !== "warning") ? "error" : "warning";
}
