// The list of conversations beside the chat: open, rename, delete, start a new one.
import { confirm, prompt } from "../../core/js/dialog.js";
import { gettext } from "../../core/js/i18n.js";
import { relativeTime } from "../../core/js/time.js";
import { el, icon, iconButton } from "./dom.js";

export class History {
  constructor(root, chat, door, conversations) {
    this.root = root;
    this.chat = chat;
    this.door = door;
    this.items = conversations;
    this.list = el("nav", { class: "agents-history__list", "aria-label": gettext("Conversations") });
    root.append(
      el("button", {
        type: "button", class: "fw-button agents-history__new", onclick: () => this.open(null),
      }, [icon("edit_square"), el("span", { text: gettext("New chat") })]),
      this.list,
    );
    chat.addEventListener("conversation", (event) => this.#changed(event.detail));
    addEventListener("popstate", (event) => this.open(event.state?.conversation ?? null, false));
    this.render();
  }

  async open(id, push = true) {
    await this.chat.open(id);
    if (push) {
      history.pushState({ conversation: id }, "", this.door.address(id));
    }
    document.documentElement.classList.remove("agents-history-open");
    this.render();
  }

  #changed({ conversation, isNew }) {
    this.items = [conversation, ...this.items.filter((item) => item.id !== conversation.id)];
    if (isNew || !location.href.includes(conversation.id)) {
      history.replaceState({ conversation: conversation.id }, "", this.door.address(conversation.id));
    }
    this.render();
  }

  async #rename(item) {
    const title = await prompt({ title: gettext("Rename the conversation"), label: gettext("Title"), value: item.title, required: true });
    if (title) {
      await this.door.rename(item.id, title);
      item.title = title;
      this.render();
    }
  }

  async #remove(item) {
    const sure = await confirm({
      title: gettext("Delete this conversation?"), body: gettext("Its messages are deleted for good."), danger: true,
    });
    if (sure) {
      await this.door.remove(item.id);
      this.items = this.items.filter((other) => other.id !== item.id);
      if (this.chat.conversationId === item.id) {
        await this.open(null);
      }
      this.render();
    }
  }

  render() {
    const rows = this.items.map((item) => this.#row(item));
    const empty = el("p", { class: "agents-history__empty", text: gettext("Your conversations will be listed here.") });
    this.list.replaceChildren(...(rows.length ? rows : [empty]));
  }

  #row(item) {
    const current = item.id === this.chat.conversationId;
    return el("div", { class: `agents-history__row${current ? " is-current" : ""}` }, [
      el("a", {
        class: "agents-history__link", href: this.door.address(item.id), "aria-current": current ? "true" : null,
        title: item.title,
        onclick: (event) => {
          if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            this.open(item.id);
          }
        },
      }, [
        el("span", { class: "agents-history__title", text: item.title || gettext("New conversation") }),
        el("span", { class: "agents-history__time", text: relativeTime(item.last_message_at) }),
      ]),
      iconButton("edit", gettext("Rename"), () => this.#rename(item)),
      iconButton("delete", gettext("Delete"), () => this.#remove(item)),
    ]);
  }
}
