// Chunks edited in place, on the document page, the chunk page and among the results of a hit test.
import { confirm } from "../../core/js/dialog.js";
import { destroy, patch } from "../../core/js/http.js";
import { gettext } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const urlOf = (chunk) => `${data.chunks}${chunk.dataset.chunk}/`;

function button(label, variant, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = `fw-button fw-button--small ${variant}`.trim();
  element.textContent = label;
  element.addEventListener("click", onClick);
  return element;
}

function edit(chunk) {
  const text = chunk.querySelector("[data-text]");
  if (text.hidden) {
    return;
  }
  const editor = document.createElement("div");
  editor.className = "kn-editor";
  const area = document.createElement("textarea");
  area.className = "fw-textarea";
  area.value = text.textContent;
  area.maxLength = 20000;
  area.rows = Math.min(24, Math.max(6, Math.ceil(area.value.length / 90)));
  area.setAttribute("aria-label", gettext("Text of the chunk"));
  const close = () => {
    editor.remove();
    text.hidden = false;
    chunk.querySelector("[data-act='chunk-edit']")?.focus();
  };
  const save = async () => {
    const saved = await patch(urlOf(chunk), { text: area.value });
    // The same chunk can be in several columns of a hit test.
    document.querySelectorAll(`[data-chunk="${chunk.dataset.chunk}"]`).forEach((shown) => {
      shown.querySelector("[data-text]").textContent = saved.text;
      shown.querySelector("[data-edited]").hidden = !saved.edited;
    });
    close();
    toast(gettext("Saved. The chunk can be found by its new text."), "ok");
  };
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      save().catch(() => {});
    }
  });
  const row = document.createElement("div");
  row.className = "fw-row fw-row--end";
  row.append(
    button(gettext("Cancel"), "", close),
    button(gettext("Save"), "fw-button--primary", () => save().catch(() => {})),
  );
  editor.append(area, row);
  text.hidden = true;
  text.after(editor);
  area.focus();
}

async function remove(chunk) {
  const yes = await confirm({
    title: gettext("Delete this chunk?"),
    body: gettext("It can't be found any more. Indexing the document again brings it back."),
    danger: true,
  });
  if (yes) {
    await destroy(urlOf(chunk));
    chunk.remove();
  }
}

async function enable(chunk, box) {
  try {
    await patch(urlOf(chunk), { enabled: box.checked });
    chunk.classList.toggle("kn-chunk--off", !box.checked);
  } catch {
    box.checked = !box.checked;
  }
}

document.addEventListener("click", (event) => {
  const chunk = event.target.closest("[data-chunk]");
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (chunk && act === "chunk-edit") {
    edit(chunk);
  } else if (chunk && act === "chunk-delete") {
    remove(chunk).catch(() => {});
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-act='chunk-enable']")) {
    enable(event.target.closest("[data-chunk]"), event.target);
  }
});
