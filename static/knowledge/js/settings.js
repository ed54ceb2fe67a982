// The settings of a base.
import { confirm } from "../../core/js/dialog.js";
import { destroy, patch } from "../../core/js/http.js";
import { gettext } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const form = document.querySelector("[data-settings]");

function valueOf(field) {
  if (field.dataset.type === "number") {
    return Number(field.value);
  }
  return field.dataset.type === "nullable" || field.name === "embedding_model" ? field.value || null : field.value;
}

/** Names with a point become nested objects: "chunking.size" is chunking: {size}. */
function collect() {
  const body = {};
  for (const field of form.querySelectorAll("input[name], select[name], textarea[name]")) {
    const [part, key] = field.name.split(".");
    if (key) {
      body[part] = { ...body[part], [key]: valueOf(field) };
    } else {
      body[part] = valueOf(field);
    }
  }
  return body;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const base = await patch(data.api, collect());
    if (base.next_embedding_model) {
      location.reload();
    } else {
      toast(gettext("Saved."), "ok");
    }
  } catch {
    // The toast has said what went wrong.
  }
});

document.addEventListener("fw:job", (event) => {
  if (event.target.matches("[data-reload]") && event.detail.final) {
    location.reload();
  }
});

document.querySelector("[data-act='delete-base']")?.addEventListener("click", async () => {
  const yes = await confirm({
    title: gettext("Delete this knowledge base?"),
    body: gettext("Its documents, chunks and files are deleted. This can't be undone."),
    danger: true,
  });
  if (yes) {
    await destroy(data.api);
    location.assign(data.list);
  }
});
