// The documents of a base: drag-and-drop upload with progress per file, live stages, row actions.
import { onReopen, subscribe } from "../../core/js/events.js";
import { csrfToken, send } from "../../core/js/http.js";
import { gettext, interpolate } from "../../core/js/i18n.js";
import { renderTimes } from "../../core/js/time.js";
import * as actions from "./actions.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const rows = document.querySelector("[data-rows]");
const uploads = document.querySelector("[data-uploads]");
const FINAL = new Set(["ready", "failed", "cancelled"]);
const AT_ONCE = 3;

// -- rows -------------------------------------------------------------------------------------------------------------

const rowOf = (id) => rows.querySelector(`[data-document="${id}"]`);

function toRow(html) {
  const holder = document.createElement("tbody");
  holder.innerHTML = html.trim();
  return holder.firstElementChild;
}

function place(row) {
  const old = rowOf(row.dataset.document);
  if (old) {
    old.replaceWith(row);
  } else {
    rows.prepend(row);
    count(1);
  }
  renderTimes(row);
  showTable();
}

function count(change) {
  const shown = document.querySelector("[data-count]");
  shown.textContent = Number(shown.textContent) + change;
}

function drop(id) {
  const row = rowOf(id);
  if (row) {
    row.remove();
    count(-1);
    showTable();
  }
}

function showTable() {
  const empty = rows.children.length === 0;
  document.querySelector("[data-table]").hidden = empty;
  document.querySelector("[data-empty]").hidden = !empty;
}

async function reload(id) {
  const response = await send(`${data.page}?row=${id}`, { quiet: true, headers: { Accept: "text/html" } });
  place(toRow(await response.text()));
}

function update(event) {
  const row = rowOf(event.id);
  const bar = row?.querySelector("progress");
  if (!row || !bar || FINAL.has(event.state)) {
    reload(event.id).catch(() => {});
    return;
  }
  row.dataset.state = event.state;
  row.querySelector("[data-state-label]").textContent = data.states[event.state];
  bar.value = event.percent;
}

subscribe(`knowledge.knowledgebase:${data.base}`, (type, event) => {
  if (type === "document") {
    update(event);
  } else if (type === "document_deleted") {
    drop(event.id);
  } else if (type === "base") {
    document.querySelector("[data-base-chunks]").textContent = event.chunk_count;
  }
});

// Events of the time without a connection are lost: what was under way is read again.
onReopen(() => {
  rows.querySelectorAll("tr").forEach((row) => {
    if (!FINAL.has(row.dataset.state)) {
      reload(row.dataset.document).catch(() => drop(row.dataset.document));
    }
  });
});

rows.addEventListener("click", async (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  const row = event.target.closest("tr");
  if (!act || !row) {
    return;
  }
  const url = `${data.documents}${row.dataset.document}/`;
  try {
    if (act === "delete") {
      if (await actions.remove(url, row.querySelector("a").textContent)) {
        drop(row.dataset.document);
      }
    } else {
      await (act === "cancel" ? actions.cancel(url) : actions.reindex(url, row.dataset.state));
      await reload(row.dataset.document);
    }
  } catch {
    // The toast has said what went wrong.
  }
});

// -- uploads ----------------------------------------------------------------------------------------------------------

const queue = [];
let running = 0;

function item(file) {
  const element = document.createElement("li");
  element.className = "kn-upload";
  const name = document.createElement("span");
  name.className = "fw-truncate";
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.className = "fw-progress";
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", interpolate(gettext("Upload of %(name)s"), { name: file.name }));
  const close = document.createElement("button");
  close.type = "button";
  close.className = "fw-icon-button";
  close.textContent = "×";
  close.setAttribute("aria-label", gettext("Close"));
  element.append(name, bar, close);
  uploads.append(element);
  return { element, bar, close };
}

function fail(view, message) {
  view.element.classList.add("kn-upload--failed");
  view.bar.classList.add("fw-progress--error");
  view.bar.value = 1;
  const text = document.createElement("span");
  text.className = "kn-upload__message fw-small";
  text.setAttribute("role", "alert");
  text.textContent = message;
  view.element.append(text);
}

function detailOf(request) {
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return gettext("The server could not take the file. Try again.");
  }
}

/** XMLHttpRequest, because fetch does not report how much has been sent. */
function upload({ file, view }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ name: file.name, size: file.size });
    request.open("POST", `${data.upload}?${query}`);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.addEventListener("progress", (event) => {
      view.bar.value = event.lengthComputable ? event.loaded / event.total : 0;
    });
    request.addEventListener("load", () => {
      if (request.status === 201) {
        place(toRow(request.responseText));
        view.element.remove();
      } else {
        fail(view, detailOf(request));
      }
      resolve();
    });
    request.addEventListener("error", () => {
      fail(view, gettext("The server cannot be reached."));
      resolve();
    });
    request.addEventListener("abort", resolve);
    view.close.addEventListener("click", () => {
      request.abort();
      view.element.remove();
    });
    // A file over the limit is only announced: the server leaves a row that says why, and reads nothing.
    request.send(file.size > data.limit ? null : file);
  });
}

async function work() {
  running += 1;
  while (queue.length > 0) {
    await upload(queue.shift());
  }
  running -= 1;
}

function add(files) {
  for (const file of files) {
    queue.push({ file, view: item(file) });
  }
  while (running < AT_ONCE && queue.length > 0) {
    work();
  }
}

const zone = document.querySelector("[data-dropzone]");
if (zone) {
  const input = zone.querySelector("input");
  // caught on its way down: the theme listens on every file input and expects a text field beside it
  zone.addEventListener("change", (event) => {
    event.stopPropagation();
    add([...input.files]);
    input.value = "";
  }, { capture: true });
  ["dragenter", "dragover"].forEach((name) =>
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    }),
  );
  ["dragleave", "drop"].forEach((name) => zone.addEventListener(name, () => zone.classList.remove("is-over")));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
}
