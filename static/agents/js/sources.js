// The side panel with the passage behind a citation.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { el, icon, iconButton } from "./dom.js";

export class SourcePanel {
  constructor(root, config) {
    this.config = config;
    this.title = el("h2", { class: "agents-panel__title" });
    this.body = el("div", { class: "agents-panel__body" });
    this.node = el("aside", {
      class: "agents-panel", hidden: true, "aria-label": gettext("Source"), tabindex: "-1",
      onkeydown: (event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          this.close();
        }
      },
    }, [
      el("header", { class: "agents-panel__head" }, [
        this.title, iconButton("close", gettext("Close"), () => this.close()),
      ]),
      this.body,
    ]);
    root.append(this.node);
  }

  get open() {
    return !this.node.hidden;
  }

  /** Show a citation; the focus goes back to `from` when the panel closes. */
  show(citation, from) {
    this.from = from;
    this.title.textContent = citation.document_name;
    const facts = [
      interpolate(gettext("Source %(n)s"), { n: citation.n }),
      interpolate(gettext("passage %(n)s"), { n: (citation.position ?? 0) + 1 }),
      interpolate(gettext("score %(score)s"), { score: Number(citation.score).toFixed(2) }),
    ];
    this.body.replaceChildren(
      ...[
        el("p", { class: "agents-panel__facts", text: facts.join(" · ") }),
        el("blockquote", { class: "agents-panel__text", text: citation.text }),
        this.config.chunkUrl
          ? el("a", {
              class: "fw-button fw-button--small", target: "_blank",
              href: this.config.chunkUrl.replace("__id__", citation.chunk_id),
            }, [icon("open_in_new"), el("span", { text: gettext("Open in the knowledge base") })])
          : null,
      ].filter(Boolean),
    );
    this.node.hidden = false;
    this.node.parentElement.classList.add("has-panel");
    this.node.focus({ preventScroll: true });
  }

  close() {
    if (!this.node.hidden) {
      this.node.hidden = true;
      this.node.parentElement.classList.remove("has-panel");
      this.from?.focus?.({ preventScroll: true });
    }
  }
}
