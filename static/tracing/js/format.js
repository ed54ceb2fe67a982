// Numbers as the server writes them (templatetags/tracing.py).
import { pageLanguage } from "../../core/js/i18n.js";

/** Microseconds as 850 ms, 3.21 s, 4 min 12 s. */
export function span(micros) {
  const milliseconds = micros / 1000;
  if (milliseconds < 1) {
    return `${milliseconds.toFixed(2)} ms`;
  }
  if (milliseconds < 1000) {
    return `${Math.round(milliseconds)} ms`;
  }
  if (milliseconds < 60000) {
    return `${(milliseconds / 1000).toFixed(2)} s`;
  }
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const HOUR = 3600e6;
const MINUTE = 60e6;
const AXIS_UNITS = [
  [3 * HOUR, HOUR, "h"],
  [3 * MINUTE, MINUTE, "min"],
  [2e6, 1e6, "s"],
  [0, 1e3, "ms"],
];

/** Microseconds beside an axis that ends at `length`: 0, 30.6 s, 61.2 s. All marks of an axis have one unit. */
export function axisTime(micros, length) {
  if (micros === 0) {
    return "0";
  }
  const [, unit, name] = AXIS_UNITS.find(([from]) => length >= from);
  return `${new Intl.NumberFormat(pageLanguage(), { maximumSignificantDigits: 3 }).format(micros / unit)} ${name}`;
}

/** US dollars with as many decimals as small amounts need. */
export function cost(amount) {
  if (amount === 0) {
    return "$0";
  }
  if (amount < 0.000001) {
    return "<$0.000001";
  }
  return amount < 1 ? `$${amount.toFixed(6).replace(/0+$/, "")}` : `$${count(Math.round(amount * 100) / 100)}`;
}

/** 12,345. */
export function count(number) {
  return new Intl.NumberFormat(pageLanguage()).format(number);
}

/** Make an element: el("p", "fw-muted", "text", {title: "…"}). */
export function el(tag, className = "", text = "", attributes = {}) {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  if (text !== "") {
    node.textContent = text;
  }
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  return node;
}

/** A Material symbol. */
export function icon(name, className = "") {
  return el("span", `material-symbols-outlined ${className}`.trim(), name, { "aria-hidden": "true" });
}
