// A document's own page: live stages, actions, adding a chunk.
import { prompt } from "../../core/js/dialog.js";
import { onReopen, subscribe } from "../../core/js/events.js";
import { post } from "../../core/js/http.js";
import { gettext } from "../../core/js/i18n.js";
import * as actions from "./actions.js";
import "./chunks.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const box = document.querySelector("[data-document]");
const FINAL = new Set(["ready", "failed", "cancelled"]);
const STAGES = [...box.querySelectorAll("[data-stage]")];

function showStage(state) {
  const current = STAGES.findIndex((stage) => stage.dataset.stage === state);
  STAGES.forEach((stage, number) => {
    stage.classList.toggle("fw-step--done", number < current);
    stage.toggleAttribute("aria-current", number === current);
  });
}

subscribe(`knowledge.document:${data.document}`, (type, event) => {
  if (type === "document_deleted") {
    location.assign(data.base_url);
  }
  if (type !== "document") {
    return;
  }
  const bar = box.querySelector("progress");
  const finished = FINAL.has(event.state) !== FINAL.has(box.dataset.state);
  if (finished) {
    location.reload();
  } else if (bar) {
    bar.value = event.percent;
    box.dataset.state = event.state;
    box.querySelector("[data-state-label]").textContent = data.states[event.state];
    showStage(event.state);
  }
});

onReopen(() => {
  if (!FINAL.has(box.dataset.state)) {
    location.reload();
  }
});

const handlers = {
  cancel: () => actions.cancel(data.api),
  reindex: () => actions.reindex(data.api, box.dataset.state),
  toggle: (button) => actions.setEnabled(data.api, button.dataset.enabled !== "true"),
  delete: async () => {
    const name = document.title.split(" · ")[0];
    if (await actions.remove(data.api, name)) {
      location.assign(data.base_url);
    }
    return null;
  },
  "add-chunk": async () => {
    const text = await prompt({
      title: gettext("Add chunk"),
      label: gettext("Text of the chunk"),
      multiline: true,
      required: true,
    });
    return text === null ? null : post(data.chunks, { document: data.document, text });
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-act]");
  const handler = button && handlers[button.dataset.act];
  if (!handler) {
    return;
  }
  try {
    if (await handler(button)) {
      location.reload();
    }
  } catch {
    // The toast has said what went wrong.
  }
});
