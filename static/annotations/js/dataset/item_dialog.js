// Editing one example: the messages of its input, the answer to learn, the one to unlearn; or its input and
// expected output as any JSON.
import { get, patch, post } from "../../../core/js/http.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";

const ROLES = [
  ["system", gettext("System")],
  ["user", gettext("Person")],
  ["assistant", gettext("Agent")],
];

const $ = (id) => document.getElementById(id);

/** JSON as a person edits it; nothing for null. */
const shown = (value) => (value === null ? "" : JSON.stringify(value, null, 2));

/** The value of a field of JSON; raises a sentence that names the field. */
function parsed(id, name) {
  const text = $(id).value.trim();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw new Error(interpolate(gettext("%(name)s: this is not JSON. A text stands in quotation marks."), { name }));
  }
}

/** A message this form can show as text; others (tool calls) are kept as they are. */
const isPlain = (message) => Object.keys(message).every((key) => key === "role" || key === "content");

export class ItemDialog {
  #api;
  #headers;
  #id = null;
  #free = false;

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
    this.#free = item.shape === "json";
    $("item-free").hidden = !this.#free;
    $("item-chat").hidden = this.#free;
    $("item-archived").checked = Boolean(item.archived);
    if (this.#free) {
      $("item-input").value = shown(item.input);
      $("item-free-expected").value = shown(item.expected);
      $("item-metadata").value = shown(item.metadata);
    } else {
      item.messages.forEach((message) => this.#addMessage(message));
      $("item-expected").value = item.expected_output;
      $("item-rejected").value = item.rejected_output;
    }
    $("item-dialog").showModal();
    $(this.#free ? "item-input" : "item-expected").focus();
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
    const archived = $("item-archived").checked;
    if (this.#free) {
      return {
        input: parsed("item-input", gettext("Input")),
        expected: parsed("item-free-expected", gettext("Expected output")),
        metadata: parsed("item-metadata", gettext("Metadata")),
        archived,
      };
    }
    const messages = [...$("item-messages").children].map((row) =>
      row.dataset.raw
        ? JSON.parse(row.dataset.raw)
        : { role: row.querySelector("select").value, content: row.querySelector("textarea").value },
    );
    return {
      messages,
      expected_output: $("item-expected").value,
      rejected_output: $("item-rejected").value,
      archived,
    };
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
