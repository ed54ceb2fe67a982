// A dataset's page: edit and delete items, freeze versions, export.
import { confirm, prompt } from "../../core/js/dialog.js";
import { destroy, post } from "../../core/js/http.js";
import { gettext, interpolate, pageLanguage } from "../../core/js/i18n.js";
import { ExportDialog } from "./dataset/export_dialog.js";
import { ItemDialog } from "./dataset/item_dialog.js";
import { diff, renderDiff } from "./desk/diff.js";

const config = JSON.parse(document.getElementById("dataset-config").textContent);
const headers = { "X-Workspace": config.workspace };

/** Differences are computed when they are looked at. */
function bindDiffs() {
  document.querySelectorAll("[data-diff]").forEach((box) => {
    box.closest("details").addEventListener(
      "toggle",
      () => renderDiff(box, diff(box.dataset.before, box.dataset.after, pageLanguage())),
      { once: true },
    );
  });
}

async function deleteItem(id) {
  const yes = await confirm({
    title: gettext("Delete this item?"),
    body: gettext("Frozen versions keep it."),
    danger: true,
  });
  if (yes) {
    await destroy(`${config.api}items/${id}/`, { headers });
    location.reload();
  }
}

async function freeze() {
  const note = await prompt({
    title: gettext("Freeze the present state"),
    body: interpolate(gettext("%(count)s items become a version that never changes."), { count: config.current_items }),
    label: gettext("Note (optional)"),
    confirmLabel: gettext("Freeze"),
  });
  if (note !== null) {
    await post(`${config.api}versions/`, { note }, { headers });
    location.reload();
  }
}

function bindItems() {
  if (!document.getElementById("item-dialog")) {
    return;
  }
  const dialog = new ItemDialog(config.api, headers);
  document.getElementById("item-add").addEventListener("click", () => dialog.open(null));
  document.getElementById("dataset-items")?.addEventListener("click", (event) => {
    const id = event.target.closest("[data-item]")?.dataset.item;
    if (event.target.closest("[data-edit]")) {
      dialog.open(id);
    } else if (event.target.closest("[data-delete]")) {
      deleteItem(id);
    }
  });
}

bindDiffs();
bindItems();
document.getElementById("freeze")?.addEventListener("click", freeze);
if (document.getElementById("export-dialog")) {
  const dialog = new ExportDialog(config, headers);
  document.getElementById("export-open").addEventListener("click", () => dialog.open());
}
