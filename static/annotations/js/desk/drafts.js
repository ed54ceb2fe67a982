// What was typed and not submitted, per item; it survives a reload of the page.

const key = (id) => `annotations.draft.${id}`;

export function readDraft(id) {
  try {
    return JSON.parse(sessionStorage.getItem(key(id)));
  } catch {
    return null;
  }
}

export function writeDraft(id, values) {
  try {
    sessionStorage.setItem(key(id), JSON.stringify(values));
  } catch {
    // Without storage a draft lives as long as the page.
  }
}

export function dropDraft(id) {
  sessionStorage.removeItem(key(id));
}
