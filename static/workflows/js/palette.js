// Node types by group with a search; one that is chosen shows what it does, its outputs and its whole configuration.
import { gettext } from "../../core/js/i18n.js";
import { button, el, icon, iconButton } from "./dom.js";
import { schemaTable } from "./form/schema.js";

export class Palette {
  /** types: as the page's data has them; onInsert(snippet, type) puts one into the text, null only explains. */
  constructor(root, types, { onInsert = null, chosen = "", closable = true } = {}) {
    this.root = root;
    this.types = types;
    this.onInsert = onInsert;
    this.search = el("input", {
      class: "fw-input fw-input--small", type: "search", placeholder: gettext("Find a node type"),
      "aria-label": gettext("Find a node type"), oninput: () => this.draw(),
    });
    this.list = el("div", { class: "wf-palette__list" });
    this.detail = el("div", { class: "wf-palette__detail", hidden: true, "aria-live": "polite" });
    root.classList.add("wf-palette");
    root.append(
      el("div", { class: "wf-palette__head fw-row fw-row--nowrap" }, [
        this.search,
        closable ? iconButton("close", gettext("Close"), () => this.toggle(false)) : null,
      ]),
      this.list, this.detail,
    );
    this.draw();
    const known = types.find((one) => one.type === chosen);
    if (known) {
      this.show(known);
    }
  }

  toggle(open = this.root.hidden) {
    this.root.hidden = !open;
    if (open) {
      this.search.focus();
    }
  }

  draw() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.types.filter((one) => [one.type, one.title, one.description, one.group_title]
      .some((text) => text.toLowerCase().includes(wanted)));
    const groups = new Map();
    found.forEach((one) => groups.set(one.group_title, [...(groups.get(one.group_title) ?? []), one]));
    this.list.replaceChildren(...[...groups].map(([title, members]) => el("section", {}, [
      el("h3", { class: "fw-overline", text: title }),
      el("ul", {}, members.map((one) => el("li", {}, [this.entry(one)]))),
    ])));
    if (!found.length) {
      this.list.append(el("p", { class: "fw-muted", text: gettext("No node type matches.") }));
    }
  }

  entry(one) {
    return el("button", {
      type: "button", class: "wf-palette__entry", "aria-pressed": String(this.chosen === one.type), title: one.description,
      onclick: () => this.show(one),
    }, [
      el("span", { class: `wf-icon wf-icon--${one.group}`, "aria-hidden": "true" }, [icon(one.icon)]),
      el("span", { class: "fw-truncate", text: one.title }),
    ]);
  }

  show(one) {
    this.chosen = one.type;
    this.draw();
    this.detail.hidden = false;
    this.detail.replaceChildren(
      el("div", { class: "fw-row fw-row--between" }, [
        el("h3", { class: "fw-heading", text: one.title }),
        this.onInsert
          ? button(gettext("Insert"), { icon: "add", variant: "primary", onclick: () => this.onInsert(one.snippet, one.type) })
          : null,
      ]),
      el("p", { class: "fw-small fw-muted" }, [el("code", { class: "fw-mono", text: one.type })]),
      one.description ? el("p", { text: one.description }) : "",
      one.effects
        ? el("p", { class: "fw-small fw-muted", text: gettext("Acts on the outside: it can be given retries, and what came before is durable ahead of it.") })
        : "",
      ...this.outputs(one),
      el("h4", { class: "fw-overline", text: gettext("Configuration") }),
      schemaTable(one.config_schema),
      el("details", {}, [
        el("summary", { class: "fw-small", text: gettext("As YAML") }),
        el("pre", { class: "fw-code", tabindex: "0", text: one.snippet }),
      ]),
    );
    this.detail.scrollTop = 0;
  }

  outputs(one) {
    const parts = [];
    const ports = one.ports.filter((port) => port.name !== "out" || port.title);
    if (one.outputs.length) {
      parts.push(
        el("h4", { class: "fw-overline", text: gettext("Outputs") }),
        el("dl", { class: "fw-list fw-small" }, one.outputs.flatMap((output) => [
          el("dt", { class: "fw-mono", text: output.name }),
          el("dd", { text: [output.type, output.title].filter(Boolean).join(" · ") }),
        ])),
      );
    }
    if (ports.length) {
      parts.push(
        el("h4", { class: "fw-overline", text: gettext("Ways out") }),
        el("dl", { class: "fw-list fw-small" }, ports.flatMap((port) => [
          el("dt", { class: "fw-mono", text: port.name }), el("dd", { text: port.title }),
        ])),
      );
    }
    return parts;
  }
}
