// A JSON value as rows that are made when somebody unfolds them. Used by the page and by its worker.

//: Children of one object or list that are told at once.
export const PAGE = 100;
//: Characters of a text that a row shows.
const PREVIEW = 300;

/** One row: `key`, `kind` (object, list, string, number, boolean, null), `size` of what is inside, `preview`. */
function nodeOf(key, value) {
  if (Array.isArray(value)) {
    return { key, kind: "list", size: value.length, preview: "" };
  }
  if (value !== null && typeof value === "object") {
    return { key, kind: "object", size: Object.keys(value).length, preview: "" };
  }
  if (typeof value === "string") {
    return { key, kind: "string", size: value.length, preview: value.slice(0, PREVIEW) };
  }
  return { key, kind: value === null ? "null" : typeof value, size: 0, preview: String(value) };
}

/** What stands at a path of keys; undefined where nothing does. */
export function valueAt(root, path) {
  return path.reduce((value, key) => (value === null || value === undefined ? undefined : value[key]), root);
}

/** Some children of the object or list at `path`, from `offset`. */
export function childrenAt(root, path, offset = 0) {
  const value = valueAt(root, path);
  if (Array.isArray(value)) {
    return value.slice(offset, offset + PAGE).map((item, at) => nodeOf(offset + at, item));
  }
  return Object.keys(value ?? {})
    .slice(offset, offset + PAGE)
    .map((key) => nodeOf(key, value[key]));
}

/** The row of the whole value. */
export function rootNode(root) {
  return nodeOf("", root);
}
