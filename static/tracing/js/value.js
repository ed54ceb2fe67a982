// Values as a person reads them: JSON in colours or as a tree that unfolds, text as text.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { count, el } from "./format.js";
import { jsonTree, LocalSource } from "./json_tree.js";

//: Longer JSON is a tree: thousands of coloured elements would freeze the page.
const MAX_COLOURED = 20000;
const JSON_PARTS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Whether a text begins as JSON objects and lists do. */
export function looksLikeJson(text) {
  return /^\s*[[{]/.test(text);
}

/** Parsed JSON of a text that is an object or a list, else undefined. */
export function parsed(text) {
  if (!looksLikeJson(text)) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with two spaces of indentation and coloured keys, strings and numbers; large values as a tree. */
export function jsonBlock(value) {
  const text = JSON.stringify(value, null, 2);
  if (text.length > MAX_COLOURED) {
    return jsonTree(new LocalSource(value));
  }
  const block = el("pre", "fw-code tr-json");
  block.tabIndex = 0;
  let at = 0;
  for (const match of text.matchAll(JSON_PARTS)) {
    block.append(text.slice(at, match.index), coloured(match));
    at = match.index + match[0].length;
  }
  block.append(text.slice(at));
  return block;
}

function coloured(match) {
  const [all, string, colon] = match;
  if (colon) {
    const pair = document.createDocumentFragment();
    pair.append(el("span", "tr-json__key", string), colon);
    return pair;
  }
  return el("span", string ? "tr-json__string" : "tr-json__atom", all);
}

/** An element that shows `text`: as JSON where it is some. */
export function textOrJson(text) {
  const value = parsed(text);
  return value === undefined ? el("div", "tr-text", text) : jsonBlock(value);
}

/** "50,000 of 1,234,567 characters". */
export function cutNotice(shown, total) {
  return interpolate(gettext("%(shown)s of %(total)s characters"), { shown: count(shown), total: count(total) });
}
