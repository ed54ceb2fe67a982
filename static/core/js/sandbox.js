// "Try it" on the page of the code sandbox: run a snippet, show what it returned, printed and used, or where it failed.
import { ApiError, post } from "./http.js";
import { gettext, interpolate } from "./i18n.js";

const form = document.querySelector("[data-sandbox-try]");

/** An element with a class and a text. */
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A titled block of output. */
function block(title, text, className = "fw-code") {
  const section = element("section", "fw-stack fw-stack--small");
  section.append(element("h3", "fw-small fw-strong", title), element("pre", className, text));
  return section;
}

class Editor {
  constructor(text, lines) {
    this.text = text;
    this.lines = lines;
    text.addEventListener("input", () => this.number());
    text.addEventListener("scroll", () => (lines.scrollTop = text.scrollTop));
    text.addEventListener("keydown", (event) => this.indent(event));
  }

  /** Number the lines; `failed` marks one. */
  number(failed = 0) {
    const count = this.text.value.split("\n").length;
    const parts = [];
    for (let line = 1; line <= count; line += 1) {
      parts.push(line === failed ? element("mark", "", String(line)) : String(line), "\n");
    }
    this.lines.replaceChildren(...parts);
    this.lines.scrollTop = this.text.scrollTop;
  }

  /** Tab indents while text is selected or the caret stands at a line's start; elsewhere it leaves the field. */
  indent(event) {
    const { selectionStart: start, selectionEnd: end, value } = this.text;
    const atStart = /(^|\n)[ \t]*$/.test(value.slice(0, start));
    if (event.key !== "Tab" || event.shiftKey || !(atStart && value.slice(0, start) !== "") || start !== end) {
      return;
    }
    event.preventDefault();
    this.text.setRangeText("    ", start, end, "end");
    this.number();
  }
}

function readInputs(field, problem) {
  problem.hidden = true;
  field.removeAttribute("aria-invalid");
  try {
    const inputs = JSON.parse(field.value.trim() || "{}");
    if (inputs === null || typeof inputs !== "object" || Array.isArray(inputs)) {
      throw new SyntaxError(gettext("Inputs are an object: names and values."));
    }
    return inputs;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
    return null;
  }
}

function showPrinted(target, { stdout, stderr }) {
  if (stdout) {
    target.append(block(gettext("Printed"), stdout));
  }
  if (stderr) {
    target.append(block(gettext("Printed as errors"), stderr));
  }
}

function showResult(target, answer) {
  const used = interpolate(gettext("%(wall)s ms, %(cpu)s ms of computing, %(memory)s MB at most"), {
    wall: answer.wall_ms.toFixed(1),
    cpu: answer.cpu_ms.toFixed(1),
    memory: (answer.max_rss_kb / 1024).toFixed(0),
  });
  target.replaceChildren(
    block(gettext("Result"), JSON.stringify(answer.value, null, 2)),
    element("p", "fw-small fw-muted", used),
  );
  showPrinted(target, answer);
}

function showError(target, problem) {
  const notice = element("div", "fw-notice fw-notice--error");
  notice.setAttribute("role", "alert");
  const where = problem.line ? interpolate(gettext("Line %(line)s: "), { line: problem.line }) : "";
  notice.append(element("strong", "", where), problem.detail || problem.title || "");
  target.replaceChildren(notice);
  if (problem.traceback) {
    target.append(block(gettext("Traceback"), problem.traceback));
  }
  showPrinted(target, problem);
}

async function run(data, editor, target) {
  const inputs = readInputs(form.elements.inputs, form.querySelector("[data-inputs-error]"));
  if (inputs === null) {
    return;
  }
  const button = form.querySelector("[data-run]");
  button.disabled = true;
  target.setAttribute("aria-busy", "true");
  editor.number();
  try {
    const job = { language: form.elements.language.value, code: editor.text.value, inputs };
    showResult(target, await post(data.run, job, { quiet: true }));
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    showError(target, error.problem);
    editor.number(error.problem.line ?? 0);
  } finally {
    button.disabled = false;
    target.removeAttribute("aria-busy");
  }
}

function start() {
  const data = JSON.parse(document.getElementById("sandbox-data").textContent);
  const editor = new Editor(form.elements.code, form.querySelector("[data-lines]"));
  const target = form.querySelector("[data-result]");
  const language = form.elements.language;
  let shown = data.code[language.value];
  editor.text.value = shown;
  form.elements.inputs.value = data.inputs;
  editor.number();
  language.addEventListener("change", () => {
    if (editor.text.value === shown) {
      shown = data.code[language.value];
      editor.text.value = shown;
      editor.number();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(data, editor, target);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

if (form) {
  start();
}
