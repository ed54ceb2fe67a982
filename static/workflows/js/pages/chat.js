// The chat with a chatflow: each message is a run, watched over its events.
import { post } from "../../../core/js/http.js";
import { gettext } from "../../../core/js/i18n.js";
import { renderMarkdown } from "../../../agents/js/markdown.js";
import { button, el, icon, pageData } from "../dom.js";
import { FieldForm } from "../form/fields.js";
import { fieldsOf } from "../form/from-schema.js";
import { WaitForm } from "../form/wait.js";
import { RunModel } from "../run/model.js";
import { RunSocket } from "../run/socket.js";
import { errorNotice } from "../run/values.js";

const EMPTY_ID = "00000000-0000-0000-0000-000000000000";

const data = pageData("wf-data");
const thread = document.querySelector("[data-thread]");
const form = document.querySelector("[data-say]");
const field = form.querySelector("textarea");
const send = form.querySelector("[type=submit]");
const stop = form.querySelector("[data-stop]");
const inputs = data.schema && Object.keys(data.schema.properties ?? {}).length ? new FieldForm(fieldsOf(data.schema)) : null;
const state = { conversation: data.conversation, running: null };

const runUrl = (id) => data.runUrl.replace(EMPTY_ID, id);

function scroll() {
  thread.scrollTop = thread.scrollHeight;
}

function question(text) {
  thread.append(el("div", { class: "agents-message agents-message--question" }, [el("div", { class: "agents-bubble", text })]));
}

/** An answer's elements; `run` links to its run. */
function answerBox(run) {
  const text = el("div", { class: "agents-md" });
  const extra = el("div", { class: "fw-stack fw-stack--small" });
  const note = el("span", { class: "fw-muted fw-small", role: "status" });
  const node = el("article", { class: "agents-message agents-message--answer" }, [
    el("div", { class: "agents-avatar", "aria-hidden": "true", text: data.name.slice(0, 1).toUpperCase() }),
    el("div", { class: "agents-message__body" }, [
      text, extra,
      el("div", { class: "fw-row fw-small" }, [note, run ? el("a", { class: "fw-link fw-small", href: runUrl(run), text: gettext("Show the run") }) : null]),
    ]),
  ]);
  thread.append(node);
  return { node, text, extra, note };
}

function idle(isIdle) {
  send.hidden = !isIdle;
  // the page comes with it switched off: without this script the form would be sent to the page itself
  send.disabled = false;
  stop.hidden = isIdle;
  field.disabled = false;
}

async function say(query) {
  const given = inputs ? inputs.read() : {};
  if (!given) {
    document.querySelector("[data-inputs]").open = true;
    return;
  }
  document.querySelector("[data-welcome]")?.remove();
  question(query);
  field.value = "";
  idle(false);
  scroll();
  try {
    const started = await post(data.url, { query, inputs: given, source: data.source, conversation: state.conversation }, { quiet: true });
    if (!state.conversation) {
      state.conversation = started.conversation;
      const url = new URL(location.href);
      url.searchParams.set("conversation", started.conversation);
      history.replaceState(null, "", url);
    }
    follow(started.run);
  } catch (error) {
    thread.append(errorNotice({ message: error.message }));
    idle(true);
    scroll();
  }
}

function follow(run) {
  state.running = run;
  const model = new RunModel();
  const box = answerBox(run);
  const socket = new RunSocket(`/ws/runs/${run}/`, () => model.seq);
  let asked = "";
  let frame = 0;
  const draw = () => {
    frame = 0;
    const near = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 120;
    renderMarkdown(box.text, model.text || (model.ended ? lastOutput(model) : ""));
    box.note.textContent = model.ended ? "" : step(model);
    const key = [...model.waits.values()].map((wait) => `${wait.path}|${wait.payload?.attempt}`).join();
    if (key !== asked) {
      asked = key;
      box.extra.replaceChildren(...[...model.waits.values()].map((wait) => new WaitForm(wait, {
        answer: (given) => post(runUrl(run), { act: "answer", path: wait.path, answer: given }, { quiet: true }),
      }).element));
    }
    if (near) {
      scroll();
    }
  };
  socket.addEventListener("event", ({ detail }) => {
    if (!detail.type || !detail.data || !model.apply(detail)) {
      return;
    }
    frame ||= requestAnimationFrame(draw);
    if (model.ended) {
      socket.close();
      cancelAnimationFrame(frame);
      draw();
      if (model.state === "failed") {
        box.extra.append(errorNotice(model.error));
      } else if (model.state === "stopped") {
        box.note.textContent = gettext("Stopped.");
      }
      state.running = null;
      idle(true);
      field.focus();
      scroll();
    }
  });
}

/** What a flow without answer nodes gives: its only text output. */
function lastOutput(model) {
  const values = Object.values(model.outputs ?? {});
  return values.length === 1 && typeof values[0] === "string" ? values[0] : "";
}

function step(model) {
  const running = [...model.nodes.values()].findLast((node) => node.state === "running");
  return running ? `${running.title || running.id} …` : gettext("Working…");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = field.value.trim();
  if (query && !state.running) {
    say(query);
  }
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
stop.addEventListener("click", async () => {
  if (state.running) {
    await post(runUrl(state.running), { act: "cancel" }).catch(() => {});
  }
});
document.querySelector("[data-source]").addEventListener("change", (event) => {
  const url = new URL(location.href);
  url.searchParams.set("source", event.target.value);
  location.href = url.href;
});

if (inputs) {
  document.querySelector("[data-inputs]").hidden = false;
  document.querySelector("[data-inputs-fields]").append(inputs.element);
}
if (!data.messages.length) {
  const welcome = el("div", { class: "wf-chat__welcome fw-stack", "data-welcome": true });
  const opening = el("div", { class: "agents-md" });
  renderMarkdown(opening, data.opening || gettext("Write a message to begin."));
  welcome.append(data.opening ? icon("waving_hand") : icon("chat"), opening, el("div", { class: "fw-row" }, data.suggestions.map((text) => button(text, { onclick: () => say(text) }))));
  thread.append(welcome);
}
for (const message of data.messages) {
  if (message.role === "user") {
    question(message.content);
  } else if (!data.running || message.run !== data.running) {
    renderMarkdown(answerBox(message.run).text, message.content);
  }
}
idle(!data.running);
if (data.running) {
  follow(data.running);
}
scroll();
field.focus();
