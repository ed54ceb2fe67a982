// The editor: text and graph side by side, checked as one types, saved by itself, protected against somebody else's save.
import { ApiError, post } from "../../../core/js/http.js";
import { gettext, interpolate, ngettext } from "../../../core/js/i18n.js";
import { toast } from "../../../core/js/toast.js";
import { copyText } from "../../../core/js/clipboard.js";
import { button, debounce, el, icon, pageData } from "../dom.js";
import { GraphView } from "../graph/view.js";
import { Palette } from "../palette.js";
import { askToPublish } from "../publish.js";
import { tryStep } from "../try.js";
import { YamlEditor } from "../yaml/editor.js";

const CHECK_MS = 350;
const SAVE_MS = 1500;

const data = pageData("wf-data");
const keep = `flywheel.workflow.${data.workflow.id}`;

const status = document.querySelector("[data-status]");
const list = document.querySelector("[data-problems]");
const count = document.querySelector("[data-problem-count]");

const state = {
  revision: data.revision,
  savedText: data.text,
  lines: data.checked.lines,
  problems: data.checked.problems,
  conflict: false,
  saving: null,
};

const editor = new YamlEditor(document.getElementById("wf-editor"), {
  value: data.text, label: gettext("The workflow as YAML"), readOnly: data.readOnly,
});
const graph = new GraphView(document.getElementById("wf-graph"), {
  empty: gettext("The graph appears when the text has nodes."),
});
const palette = new Palette(document.getElementById("wf-palette"), data.palette, { onInsert: data.readOnly ? null : insert });

/* ---- checking ---- */

let asked = 0;

async function checkText() {
  const number = (asked += 1);
  const text = editor.value;
  try {
    const answer = await post(data.urls.check, { text }, { quiet: true });
    if (number === asked) {
      show(answer, text);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
  }
}

function show({ problems, graph: drawing, lines, readable }, text) {
  state.checkedText = text;
  state.readable = readable;
  state.problems = problems;
  state.lines = lines.length || !problems.length ? lines : state.lines;
  editor.setProblems(problems);
  if (drawing) {
    graph.setGraph(drawing);
  }
  const worst = new Map();
  for (const problem of problems) {
    const id = problem.node_id || nodeAt(problem.line);
    if (id && worst.get(id) !== "error") {
      worst.set(id, problem.severity);
    }
  }
  graph.setProblems(worst);
  drawProblems();
}

function nodeAt(line) {
  // the innermost node: bodies come after the node that holds them
  return state.lines.findLast((node) => node.line <= line && line <= node.end)?.id ?? "";
}

function startId() {
  const start = state.lines.find(({ line, end }) =>
    /^\s*(?:- )?type:\s*["']?start\b/m.test(editor.value.split("\n").slice(line - 1, end).join("\n")));
  return start?.id ?? "start";
}

function drawProblems() {
  const errors = state.problems.filter((problem) => problem.severity !== "warning").length;
  const warnings = state.problems.length - errors;
  count.textContent = state.problems.length
    ? [
      errors ? interpolate(ngettext("%(n)s error", "%(n)s errors", errors), { n: errors }) : "",
      warnings ? interpolate(ngettext("%(n)s warning", "%(n)s warnings", warnings), { n: warnings }) : "",
    ].filter(Boolean).join(", ")
    : gettext("No problems");
  count.className = `fw-badge fw-badge--${errors ? "error" : warnings ? "warn" : "ok"}`;
  list.replaceChildren(...state.problems.map((problem) => el("li", {}, [
    el("button", {
      type: "button", class: `wf-problem wf-problem--${problem.severity}`,
      onclick: () => {
        editor.goTo(problem.line, problem.column ?? 0);
        graph.choose(problem.node_id || nodeAt(problem.line) || null);
      },
    }, [
      icon(problem.severity === "warning" ? "warning" : "error"),
      el("span", { class: "wf-problem__text", text: problem.message }),
      el("span", { class: "wf-problem__place fw-mono fw-small", text: problem.place || "" }),
      el("span", { class: "fw-muted fw-small fw-number", text: interpolate(gettext("line %(n)s"), { n: problem.line }) }),
    ]),
  ])));
  list.closest("section").hidden = !state.problems.length;
}

/* ---- saving ---- */

function tell(text, tone = "muted") {
  status.textContent = text;
  status.className = `fw-small wf-status wf-status--${tone}`;
}

const isDirty = () => editor.value !== state.savedText;

async function save() {
  if (data.readOnly || state.conflict || !isDirty()) {
    return !isDirty();
  }
  if (state.saving) {
    await state.saving;
    return save();
  }
  if (state.checkedText !== editor.value) {
    await checkText();
  }
  if (!state.readable) {
    remember(editor.value);
    tell(gettext("Not saved: correct the errors first. Your text is kept in this browser."), "warn");
    return false;
  }
  state.saving = sendDraft(editor.value).finally(() => {
    state.saving = null;
  });
  return state.saving;
}

async function sendDraft(text, revision = state.revision) {
  tell(gettext("Saving…"));
  try {
    const answer = await post(data.urls.save, { text, revision }, { quiet: true });
    state.revision = answer.revision;
    data.publish.revision = answer.revision;
    takeKept(answer, text);
    badges(answer.changed);
    tell(gettext("Saved"), "ok");
    document.querySelectorAll("[data-name]").forEach((node) => {
      node.textContent = answer.name;
    });
    if (answer.text === editor.value) {
      show(answer, answer.text);
    }
    return true;
  } catch (error) {
    return refused(error, text);
  }
}

/** The badges beside the path: the published version, and whether the draft differs from it. */
function badges(changed) {
  const number = data.publish.next - 1;
  if (number > 0) {
    document.querySelector(".wf-head .wf-badges").replaceChildren(
      el("span", { class: "fw-badge fw-badge--ok", text: interpolate(gettext("Published v%(n)s"), { n: number }) }),
      changed ? el("span", { class: "fw-badge fw-badge--warn", text: gettext("Draft changed") }) : "",
    );
  }
}

/** The server keeps what was typed, unless that held a secret: then it gives back a text without it. */
function takeKept(answer, sent) {
  state.savedText = answer.text;
  localStorage.removeItem(keep);
  if (answer.text !== sent && editor.value === sent) {
    editor.setValue(answer.text, { undoable: false });
    toast(gettext("Secret values were taken out of the text and are kept apart, under Settings."), "info");
  }
}

function refused(error, text) {
  remember(text);
  if (error.code === "draft_changed") {
    state.conflict = true;
    tell(gettext("Somebody else saved this workflow"), "error");
    askAboutConflict(text);
  } else if (error.status === 422) {
    tell(gettext("Not saved: correct the errors first. Your text is kept in this browser."), "warn");
  } else {
    tell(error.message, "error");
  }
  return false;
}

/** A text that the server has not got. */
function remember(text) {
  try {
    localStorage.setItem(keep, JSON.stringify({ text }));
  } catch {
    // storage that is full or blocked: the server's copy is all there is
  }
}

/** After a reload: an offer of what could not be saved. */
function recall() {
  let known = null;
  try {
    known = JSON.parse(localStorage.getItem(keep));
  } catch {
    // somebody else's words under our key are no text of ours
  }
  if (known?.text && !data.readOnly && known.text !== editor.value) {
    offerUnsaved(known);
  }
}

function offerUnsaved(known) {
  const bar = el("div", { class: "fw-notice fw-notice--warn wf-unsaved" }, [
    icon("history"),
    el("span", { class: "fw-grow", text: gettext("There is a text in this browser that was not saved last time.") }),
    button(gettext("Continue with it"), {
      onclick: () => {
        bar.remove();
        editor.setValue(known.text);
      },
    }),
    button(gettext("Throw it away"), {
      variant: "ghost",
      onclick: () => {
        bar.remove();
        localStorage.removeItem(keep);
      },
    }),
  ]);
  document.querySelector(".wf-edit").before(bar);
}

/* ---- somebody else's save ---- */

async function askAboutConflict(text) {
  const theirs = await post(data.urls.check, {}, { quiet: true });
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "wf-conflict" }, [
    el("div", { class: "fw-dialog__head" }, [
      el("h2", { class: "fw-dialog__title", id: "wf-conflict", text: gettext("Somebody else saved this workflow") }),
    ]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      el("p", { text: gettext("Since you opened it the draft was changed elsewhere. Keep one of the two; your text can be copied first.") }),
      button(gettext("Copy my text"), { icon: "content_copy", onclick: () => copyText(text).then(() => toast(gettext("Copied."), "ok")) }),
    ]),
    el("div", { class: "fw-dialog__foot" }, [
      button(gettext("Decide later"), { small: false, onclick: () => dialog.close("later") }),
      button(gettext("Overwrite with mine"), { small: false, onclick: () => dialog.close("mine") }),
      button(gettext("Load the other one"), { small: false, variant: "primary", onclick: () => dialog.close("theirs") }),
    ]),
  ]);
  document.body.append(dialog);
  dialog.showModal();
  dialog.addEventListener("close", async () => {
    dialog.remove();
    if (dialog.returnValue === "theirs") {
      state.conflict = false;
      state.revision = theirs.revision;
      data.publish.revision = theirs.revision;
      editor.setValue(theirs.text);
      state.savedText = theirs.text;
      localStorage.removeItem(keep);
      show(theirs, theirs.text);
      tell(gettext("Saved"), "ok");
    } else if (dialog.returnValue === "mine") {
      state.conflict = false;
      state.revision = theirs.revision;
      await sendDraft(editor.value, theirs.revision);
    } else {
      tell(gettext("Not saved: somebody else saved this workflow. Press Ctrl+S to decide."), "error");
    }
  });
}

/* ---- inserting ---- */

/** Put a node behind the one the cursor is in, under an id of its own. */
function insert(snippet, type) {
  const ids = new Set([...editor.value.matchAll(/^\s*(?:- )?(?:\{)?\s*id:\s*["']?([\w-]+)/gm)].map((match) => match[1]));
  let id = type;
  for (let number = 2; ids.has(id); number += 1) {
    id = `${type}_${number}`;
  }
  const lines = editor.value.split("\n");
  const own = snippet.replace(/^- id: .*$/m, `- id: ${id}`);
  const here = state.lines.findLast((node) => node.line <= editor.line && editor.line <= node.end) ?? state.lines.at(-1);
  if (here && editor.value === state.checkedText) {
    const indent = /^\s*/.exec(lines[here.line - 1])[0];
    editor.insertLines(indented(own, indent), lastFilled(lines, here));
    return;
  }
  const nodes = lines.findIndex((line) => /^nodes:/.test(line));
  if (nodes < 0) {
    editor.insertLines(`nodes:\n${indented(own, "  ")}`, lines.length);
    return;
  }
  const indent = /^(\s*)- /.exec(lines[nodes + 1] ?? "")?.[1] ?? "  ";
  editor.insertLines(indented(own, indent), nodes + 1);
}

function indented(text, indent) {
  return text.trimEnd().split("\n").map((line) => (line ? indent + line : line)).join("\n");
}

function lastFilled(lines, { line, end }) {
  let at = Math.min(end, lines.length);
  while (at > line && !lines[at - 1].trim()) {
    at -= 1;
  }
  return at;
}

/* ---- together ---- */

const checkSoon = debounce(checkText, CHECK_MS);
const saveSoon = debounce(save, SAVE_MS);

editor.addEventListener("change", () => {
  checkSoon();
  if (!data.readOnly && !state.conflict && isDirty()) {
    tell(gettext("Unsaved changes"));
    saveSoon();
  }
});
editor.addEventListener("save", () => {
  saveSoon.cancel();
  if (state.conflict) {
    askAboutConflict(editor.value);
  } else {
    save();
  }
});
editor.addEventListener("cursor", (event) => graph.choose(nodeAt(event.detail) || null));
graph.addEventListener("choose", (event) => {
  const node = state.lines.find((one) => one.id === event.detail);
  if (node) {
    editor.goTo(node.line);
  }
});
addEventListener("beforeunload", (event) => {
  if (isDirty() && !data.readOnly) {
    remember(editor.value);
    event.preventDefault();
  }
});

async function saved() {
  saveSoon.cancel();
  checkSoon.cancel();
  if (await save()) {
    return true;
  }
  toast(gettext("The draft could not be saved. Look at the problems below the editor."), "error");
  return false;
}

document.querySelector("[data-run]")?.addEventListener("click", async () => {
  if (await saved()) {
    location.href = data.workflow.kind === "chatflow" ? data.urls.chat : data.urls.run;
  }
});
document.querySelector("[data-publish]")?.addEventListener("click", async () => {
  if (!(await saved())) {
    return;
  }
  const [first] = state.problems.filter((problem) => problem.severity !== "warning");
  if (first) {
    toast(gettext("Correct the errors first; then it can be published."), "error");
    editor.goTo(first.line, first.column ?? 0);
    return;
  }
  const number = await askToPublish(data.publish);
  if (number) {
    data.publish.next = number + 1;
    badges(false);
  }
});
document.querySelector("[data-try]")?.addEventListener("click", async () => {
  if (!(await saved())) {
    return;
  }
  const id = nodeAt(editor.line);
  if (!id) {
    toast(gettext("Put the cursor into a step, or choose one in the graph."), "info");
    return;
  }
  const { line, end } = state.lines.find((node) => node.id === id);
  const text = editor.value.split("\n").slice(line - 1, end).join("\n");
  tryStep({ workflow: data.workflow.id, id, text, start: startId() });
});
document.querySelector("[data-palette]")?.addEventListener("click", () => palette.toggle());
document.querySelector("[data-find]")?.addEventListener("click", () => editor.openFind());

show(data.checked, data.text);
recall();
if (!data.readOnly && !status.textContent) {
  tell(gettext("Saved"), "ok");
}
