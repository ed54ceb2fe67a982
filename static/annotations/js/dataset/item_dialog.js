// Editing one example: the messages of its input, the answer to learn, the one to unlearn.
import { get, patch, post } from "../../../core/js/http.js";
import { gettext } from "../../../core/js/i18n.js";

const ROLES = [
  ["system", gettext("System")],
  ["user", gettext("Person")],
  ["assistant", gettext("Agent")],
];

const $ = (id) => document.getElementById(id);

/** A message this form can show as text; others (tool calls) are kept as they are. */
const isPlain = (message) => Object.keys(message).every((key) => key === "role" || key === "content");

export class ItemDialog {
  #api;
  #headers;
  #id = null;

  constructor(api, headers) {
    this.#api = api;
    this.#headers = headers;
    $("item-message-add").addEventListener("click", () => this.#addMessage({ role: "user", content: "" }, true));
    $("item-dialog").querySelector("[data-close]").addEventListener("click", () => $("item-dialog").close());
    $("item-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  async open(id) {
    this.#id = id;
    const blank = { messages: [{ role: "user", content: "" }], expected_output: "", rejected_output: "" };
    const item = id ? await get(`${this.#api}items/${id}/`, { headers: this.#headers }) : blank;
    $("item-dialog-title").textContent = id ? gettext("Edit item") : gettext("Add item");
    $("item-error").hidden = true;
    $("item-messages").replaceChildren();
    item.messages.forEach((message) => this.#addMessage(message));
    $("item-expected").value = item.expected_output;
    $("item-rejected").value = item.rejected_output;
    $("item-dialog").showModal();
    $("item-expected").focus();
  }

  #addMessage(message, focus = false) {
    const row = document.createElement("div");
    row.className = "dataset-message";
    const role = document.createElement("select");
    role.className = "fw-select";
    role.setAttribute("aria-label", gettext("Role"));
    const roles = ROLES.some(([value]) => value === message.role) ? ROLES : [...ROLES, [message.role, message.role]];
    roles.forEach(([value, text]) => role.add(new Option(text, value, false, value === message.role)));
    const area = document.createElement("textarea");
    area.className = "fw-textarea";
    area.setAttribute("aria-label", gettext("Text of the message"));
    area.value = isPlain(message) ? message.content : JSON.stringify(message, null, 2);
    area.rows = Math.min(Math.max(area.value.split("\n").length, Math.ceil(area.value.length / 90)), 8);
    if (!isPlain(message)) {
      area.readOnly = true;
      role.disabled = true;
      row.dataset.raw = JSON.stringify(message);
    }
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "fw-button fw-button--ghost fw-button--icon";
    remove.setAttribute("aria-label", gettext("Remove this message"));
    remove.textContent = "×";
    remove.addEventListener("click", () => row.remove());
    row.append(role, area, remove);
    $("item-messages").append(row);
    if (focus) {
      area.focus();
    }
  }

  #values() {
    const messages = [...$("item-messages").children].map((row) =>
      row.dataset.raw
        ? JSON.parse(row.dataset.raw)
        : { role: row.querySelector("select").value, content: row.querySelector("textarea").value },
    );
    return { messages, expected_output: $("item-expected").value, rejected_output: $("item-rejected").value };
  }

  async #save() {
    const options = { headers: this.#headers, quiet: true };
    try {
      if (this.#id) {
        await patch(`${this.#api}items/${this.#id}/`, this.#values(), options);
      } else {
        await post(`${this.#api}items/`, this.#values(), options);
      }
    } catch (error) {
      $("item-error").textContent = error.message;
      $("item-error").hidden = false;
      $("item-error").scrollIntoView({ block: "nearest" });
      return;
    }
    $("item-dialog").close();
    location.reload();
  }
}
