// One side (input or output) of the chosen step: as a conversation, as JSON, or as text, piece by piece.
import { copyText } from "../../core/js/clipboard.js";
import { get, send } from "../../core/js/http.js";
import { gettext } from "../../core/js/i18n.js";
import { toast } from "../../core/js/toast.js";
import { conversation } from "./chat.js";
import { el, icon } from "./format.js";
import { jsonTree, RemoteSource } from "./json_tree.js";
import { cutNotice, jsonBlock, looksLikeJson, parsed } from "./value.js";

//: Characters that "show more" fetches.
const STEP = 200000;
//: Texts up to this length are asked for as a conversation without a click.
const MAX_AUTOMATIC = 2000000;
//: More than this does not go to the clipboard.
const MAX_COPIED = 5000000;

const VIEWS = {
  chat: ["forum", gettext("Conversation")],
  json: ["data_object", gettext("JSON")],
  text: ["notes", gettext("Text")],
};

export class PayloadSection {
  /** `base` is the observation's address in the API; `turns` its conversation, where the text came uncut. */
  constructor({ title, side, text, total, turns, base }) {
    Object.assign(this, { side, text, total, turns, base });
    this.cut = text.length < total;
    this.element = el("section", "tr-value");
    this.head = el("div", "tr-value__head");
    this.head.append(el("h3", "fw-heading", title));
    this.box = el("div", "tr-value__box");
    this.element.append(this.head, this.box);
    if (!text) {
      this.box.append(el("p", "fw-muted", gettext("Nothing recorded.")));
      return;
    }
    this.buttons();
    this.show(turns ? "chat" : this.cut || parsed(text) === undefined ? "text" : "json");
    if (this.cut && looksLikeJson(text) && total <= MAX_AUTOMATIC) {
      this.loadTurns();
    }
  }

  /** Stop what still runs for this section. */
  close() {
    this.source?.close();
  }

  get file() {
    return `${this.base}payload/file/?side=${this.side}`;
  }

  buttons() {
    const views = el("span", "tr-value__views", "", { role: "group", "aria-label": gettext("View") });
    this.viewButtons = {};
    for (const [name, [symbol, label]] of Object.entries(VIEWS)) {
      this.viewButtons[name] = button(symbol, label, () => this.show(name));
      views.append(this.viewButtons[name]);
    }
    const json = looksLikeJson(this.text);
    this.viewButtons.json.hidden = !json;
    this.viewButtons.chat.hidden = !(this.turns || (this.cut && json));
    const download = el("a", "fw-icon-button", "", { href: this.file, download: "", "aria-label": gettext("Download"), title: gettext("Download") });
    download.append(icon("download", "tr-icon"));
    this.head.append(views, button("content_copy", gettext("Copy"), () => this.copy()), download);
  }

  show(view) {
    this.view = view;
    for (const [name, item] of Object.entries(this.viewButtons)) {
      item.setAttribute("aria-pressed", String(name === view));
    }
    const draw = { chat: () => this.drawChat(), json: () => this.drawJson(), text: () => this.drawText() };
    draw[view]();
  }

  drawChat() {
    if (this.turns) {
      this.box.replaceChildren(conversation(this.turns, (offset) => this.fetchTurns(offset)));
    } else {
      this.loadTurns();
    }
  }

  drawJson() {
    if (!this.cut) {
      const value = parsed(this.text);
      this.box.replaceChildren(value === undefined ? this.piece(this.text) : jsonBlock(value));
      return;
    }
    // in a worker: parsing here would make the page stand still
    this.source?.close();
    this.source = new RemoteSource(this.file);
    this.box.replaceChildren(jsonTree(this.source));
  }

  piece(text) {
    return el("div", "tr-text", text);
  }

  /** The text so far, each piece an element of its own, so that a new one costs only itself. */
  drawText() {
    const pieces = el("div", "tr-pieces", "", { tabindex: "0", role: "group", "aria-label": gettext("Text") });
    pieces.append(this.piece(this.text));
    this.box.replaceChildren(pieces);
    if (this.cut) {
      this.box.append(this.more(pieces, this.text.length));
    }
  }

  more(pieces, shown) {
    const row = el("div", "fw-row tr-value__more");
    const next = el("button", "fw-button fw-button--small", gettext("Show more"), { type: "button" });
    next.addEventListener("click", async () => {
      next.disabled = true;
      next.setAttribute("aria-busy", "true");
      try {
        const found = await get(`${this.base}payload/?side=${this.side}&offset=${shown}&limit=${STEP}`);
        pieces.append(this.piece(found.text));
        const at = found.offset + found.text.length;
        row.replaceWith(at < found.total && found.text ? this.more(pieces, at) : "");
      } catch {
        next.disabled = false;
        next.removeAttribute("aria-busy");
      }
    });
    row.append(el("span", "fw-muted fw-small", cutNotice(shown, this.total)), next);
    return row;
  }

  fetchTurns(offset) {
    return get(`${this.base}conversation/?side=${this.side}&offset=${offset}`, { quiet: true });
  }

  async loadTurns() {
    if (this.view === "chat") {
      this.box.replaceChildren(el("div", "fw-spinner", "", { role: "status", "aria-label": gettext("Loading") }));
    }
    const page = await this.fetchTurns(0).catch(() => null);
    if (page?.total) {
      this.turns = page;
      this.show("chat");
      return;
    }
    this.viewButtons.chat.hidden = true;
    if (this.view === "chat") {
      this.show("text");
    }
  }

  async copy() {
    if (this.total > MAX_COPIED) {
      toast(gettext("This is too long for the clipboard. Download it instead."), "warn");
      return;
    }
    await copyText(this.cut ? await (await send(this.file)).text() : this.text);
    toast(gettext("Copied."), "ok");
  }
}

function button(symbol, label, onClick) {
  const item = el("button", "fw-icon-button", "", { type: "button", "aria-label": label, title: label });
  item.append(icon(symbol, "tr-icon"));
  item.addEventListener("click", onClick);
  return item;
}
