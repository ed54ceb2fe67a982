// Small builders of elements; those of HTML are the chat's.
import { el, icon } from "../../agents/js/dom.js";

export { el, icon };

const SVG = "http://www.w3.org/2000/svg";

/** svg("path", {d: "…", class: "x"}, [children]); `text` sets the text, functions are listeners. */
export function svg(tag, attributes = {}, children = []) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name === "text") {
      node.textContent = value;
    } else if (typeof value === "function") {
      node.addEventListener(name.slice(2), value);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button in the console's style: button(gettext("Save"), {icon: "save", variant: "primary", onclick}). */
export function button(label, { icon: name = "", variant = "", small = true, ...attributes } = {}) {
  const classes = ["fw-button", small ? "fw-button--small" : "", variant ? `fw-button--${variant}` : ""];
  return el("button", { type: "button", class: classes.filter(Boolean).join(" "), ...attributes }, [
    name ? icon(name) : null,
    label,
  ]);
}

/** A button that shows only an icon. */
export function iconButton(name, label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "fw-icon-button", title: label, "aria-label": label, onclick, ...attributes }, [
    icon(name),
  ]);
}

/** The JSON that the page carries under an element's id, or null. */
export function pageData(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

/** Call `action` when `wait` ms have passed without another call; `.now()` calls at once, `.cancel()` never. */
export function debounce(action, wait) {
  let timer = 0;
  const later = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      action(...args);
    }, wait);
  };
  later.cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  later.now = (...args) => {
    later.cancel();
    return action(...args);
  };
  later.waiting = () => timer !== 0;
  return later;
}
