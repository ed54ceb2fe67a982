// An input or output as a person reads it: chat messages as a conversation, other JSON indented, text as text.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { count, el, icon } from "./format.js";

//: Longer JSON is shown without colours: thousands of elements would freeze the page.
const MAX_COLOURED = 60000;
const JSON_PARTS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Parsed JSON of a text that looks like an object or a list, else undefined. */
export function parsed(text) {
  if (!/^\s*[[{]/.test(text)) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The messages in a value: a list of them, {messages: […]}, or a single one; else null. */
export function messagesIn(value) {
  const list = Array.isArray(value) ? value : (value?.messages ?? (value?.role ? [value] : null));
  const are = Array.isArray(list) && list.length && list.every((item) => item && typeof item === "object" && "role" in item);
  return are ? list : null;
}

/** An element that shows `text`. */
export function renderValue(text) {
  const value = parsed(text);
  const messages = messagesIn(value);
  if (messages) {
    return conversation(messages);
  }
  return value === undefined ? el("div", "tr-text", text) : jsonBlock(value);
}

/** JSON with two spaces of indentation and coloured keys, strings and numbers. */
export function jsonBlock(value) {
  const text = JSON.stringify(value, null, 2);
  const block = el("pre", "fw-code tr-json");
  block.tabIndex = 0;
  if (text.length > MAX_COLOURED) {
    block.textContent = text;
    return block;
  }
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

function conversation(messages) {
  const list = el("div", "tr-messages");
  messages.forEach((message) => list.append(messageBox(message)));
  return list;
}

function messageBox(message) {
  const role = String(message.role);
  const box = el("article", `tr-message tr-message--${["user", "assistant", "system", "tool"].includes(role) ? role : "other"}`);
  const head = el("header", "tr-message__role fw-overline", role);
  if (message.name) {
    head.append(` · ${message.name}`);
  }
  box.append(head);
  const parts = partsOf(message);
  parts.forEach((part) => box.append(partBox(part)));
  for (const call of message.tool_calls ?? []) {
    box.append(callBox(call.function?.name ?? call.name, call.function?.arguments ?? call.arguments));
  }
  return box;
}

function partsOf(message) {
  const content = message.parts ?? message.content;
  if (Array.isArray(content)) {
    return content;
  }
  return content === null || content === undefined || content === "" ? [] : [content];
}

function partBox(part) {
  if (typeof part === "string") {
    return textOrJson(part);
  }
  if (part.type === "tool_call") {
    return callBox(part.name, part.arguments);
  }
  if (part.type === "tool_call_response") {
    return textOrJson(typeof part.result === "string" ? part.result : JSON.stringify(part.result ?? part.response ?? null));
  }
  const text = part.content ?? part.text;
  return typeof text === "string" ? textOrJson(text) : jsonBlock(part);
}

function textOrJson(text) {
  const value = parsed(text);
  return value === undefined ? el("div", "tr-text", text) : jsonBlock(value);
}

function callBox(name, args) {
  const box = el("div", "tr-call");
  const head = el("div", "tr-call__name fw-mono");
  head.append(icon("build", "tr-icon"), ` ${name ?? ""}`);
  box.append(head);
  const value = typeof args === "string" ? parsed(args) : args;
  if (value !== undefined && value !== null) {
    box.append(jsonBlock(value));
  } else if (args) {
    box.append(el("div", "tr-text", String(args)));
  }
  return box;
}

/** "50,000 of 1,234,567 characters". */
export function cutNotice(shown, total) {
  return interpolate(gettext("%(shown)s of %(total)s characters"), { shown: count(shown), total: count(total) });
}
