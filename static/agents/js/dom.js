// Small builders of elements.

/** el("button", {class: "x", text: "Send", onclick: fn, "aria-label": "…"}, [children]) */
export function el(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name === "text") {
      node.textContent = value;
    } else if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (name === "class") {
      node.className = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A Material Symbols icon that screen readers skip. */
export function icon(name) {
  return el("span", { class: "material-symbols-outlined", "aria-hidden": "true", text: name });
}

/** A small button that shows only an icon. */
export function iconButton(name, label, onclick, extra = {}) {
  return el("button", { type: "button", class: "agents-tool", title: label, "aria-label": label, onclick, ...extra }, [
    icon(name),
  ]);
}
