// JSON as a tree whose rows are made on unfolding, so that its size does not matter.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { count, el, icon } from "./format.js";
import { childrenAt, PAGE, rootNode, valueAt } from "./json_nodes.js";

//: Characters of a long text that are shown at once.
const TEXT_STEP = 20000;
//: Small values are unfolded by themselves.
const OPEN_CHILDREN = 20;

/** A value that is in the page already. */
export class LocalSource {
  constructor(value) {
    this.value = value;
  }

  root() {
    return Promise.resolve(rootNode(this.value));
  }

  children(path, offset) {
    return Promise.resolve(childrenAt(this.value, path, offset));
  }

  text(path, from, to) {
    return Promise.resolve(String(valueAt(this.value, path)).slice(from, to));
  }
}

/** A large value that a worker fetches and keeps. */
export class RemoteSource {
  constructor(url) {
    this.url = new URL(url, location.href).href;
    this.worker = new Worker(new URL("./json_worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.number = 0;
    this.worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      return data.problem === undefined ? resolve(data.answer) : reject(new Error(data.problem));
    });
    this.worker.addEventListener("error", (event) => {
      this.waiting.forEach(({ reject }) => reject(new Error(event.message)));
      this.waiting.clear();
    });
  }

  ask(what, values) {
    this.number += 1;
    const id = this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, what, ...values });
    });
  }

  root() {
    return this.ask("load", { url: this.url });
  }

  children(path, offset) {
    return this.ask("children", { path, offset });
  }

  text(path, from, to) {
    return this.ask("text", { path, from, to });
  }

  close() {
    this.worker.terminate();
  }
}

/** An element that shows the value of `source`. */
export function jsonTree(source) {
  const box = el("div", "fw-code tr-tree", "", { tabindex: "0", role: "group", "aria-label": "JSON" });
  box.append(el("div", "fw-spinner", "", { role: "status", "aria-label": gettext("Loading") }));
  source
    .root()
    .then((node) => {
      const list = el("ul", "tr-tree__list");
      box.replaceChildren(list);
      const item = new Item(source, node, []);
      list.append(item.element);
      return item.toggle();
    })
    .catch(() => box.replaceChildren(el("p", "fw-notice fw-notice--error", gettext("This could not be read as JSON."))));
  return box;
}

class Item {
  constructor(source, node, path) {
    Object.assign(this, { source, node, path });
    this.element = el("li", "tr-tree__item");
    this.inner = node.kind === "object" || node.kind === "list";
    const long = node.kind === "string" && node.size > node.preview.length;
    this.head = el(this.inner || long ? "button" : "span", "tr-tree__head", "", this.inner || long ? { type: "button", "aria-expanded": "false" } : {});
    this.sign = icon(this.inner || long ? "chevron_right" : "", "tr-tree__sign");
    this.head.append(this.sign, ...this.label());
    this.element.append(this.head);
    this.head.addEventListener("click", () => (this.inner || long) && this.toggle());
  }

  label() {
    const { key, kind, preview, size } = this.node;
    const parts = this.path.length ? [el("span", "tr-json__key", String(key)), ": "] : [];
    if (this.inner) {
      const text = kind === "list" ? `[ ${count(size)} ]` : `{ ${count(size)} }`;
      return [...parts, el("span", "fw-muted", text)];
    }
    const shown = kind === "string" ? `"${preview}${size > preview.length ? "…" : ""}"` : preview;
    const value = el("span", kind === "string" ? "tr-json__string" : "tr-json__atom", shown);
    return size > preview.length ? [...parts, value, el("span", "fw-muted", ` ${interpolate(gettext("%(number)s characters"), { number: count(size) })}`)] : [...parts, value];
  }

  async toggle() {
    if (this.body) {
      this.body.remove();
      this.body = undefined;
    } else if (this.inner) {
      this.body = el("ul", "tr-tree__list");
      await this.more(0);
    } else {
      this.body = el("div", "tr-tree__text");
      await this.moreText(0);
    }
    this.head.setAttribute("aria-expanded", String(Boolean(this.body)));
    this.sign.textContent = this.body ? "expand_more" : "chevron_right";
    if (this.body) {
      this.element.append(this.body);
    }
  }

  async more(offset) {
    const { body } = this;
    const nodes = await this.source.children(this.path, offset);
    const items = nodes.map((node) => new Item(this.source, node, [...this.path, node.key]));
    body.append(...items.map((item) => item.element));
    const shown = offset + nodes.length;
    if (shown < this.node.size) {
      const left = interpolate(gettext("%(shown)s of %(total)s"), { shown: count(shown), total: count(this.node.size) });
      body.append(moreRow("li", left, () => this.more(shown)));
    }
    if (this.path.length < 2 && this.node.size <= OPEN_CHILDREN && nodes.length <= PAGE) {
      await Promise.all(items.filter((item) => item.inner && item.node.size <= OPEN_CHILDREN).map((item) => item.toggle()));
    }
  }

  async moreText(from) {
    const { body } = this;
    const text = await this.source.text(this.path, from, from + TEXT_STEP);
    body.append(el("span", "tr-json__string", text));
    const shown = from + text.length;
    if (shown < this.node.size) {
      const left = interpolate(gettext("%(shown)s of %(total)s"), { shown: count(shown), total: count(this.node.size) });
      body.append(moreRow("div", left, () => this.moreText(shown)));
    }
  }
}

function moreRow(tag, text, onMore) {
  const row = el(tag, "tr-tree__more fw-row fw-small fw-muted", text);
  const button = el("button", "fw-button fw-button--small", gettext("Show more"), { type: "button" });
  button.addEventListener("click", () => {
    row.remove();
    onMore();
  });
  row.append(button);
  return row;
}
