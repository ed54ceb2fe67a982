// What can be done with a document; used by the list and by the document's own page.
import { confirm } from "../../core/js/dialog.js";
import { destroy, patch, post } from "../../core/js/http.js";
import { gettext, interpolate } from "../../core/js/i18n.js";

/** Stop the indexing. */
export const cancel = (url) => post(`${url}cancel/`);

/** Index again; asks first when that replaces a finished index. */
export async function reindex(url, state) {
  const ask = state === "ready";
  const yes =
    !ask ||
    (await confirm({
      title: gettext("Index this document again?"),
      body: gettext("It stays searchable meanwhile. Chunks edited by hand are replaced at the end."),
      confirmLabel: gettext("Index again"),
    }));
  return yes ? post(`${url}reindex/`) : null;
}

/** Let retrieval find the document, or not. */
export const setEnabled = (url, enabled) => patch(url, { enabled });

/** Delete after a question; true when it is gone. */
export async function remove(url, name) {
  const yes = await confirm({
    title: interpolate(gettext("Delete “%(name)s”?"), { name }),
    body: gettext("Its chunks, vectors and file are deleted."),
    danger: true,
  });
  if (yes) {
    await destroy(url);
  }
  return yes;
}
