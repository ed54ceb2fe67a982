// Turns of a conversation, as the server brought every provider's messages into one form.
import { gettext, interpolate, ngettext } from "../../core/js/i18n.js";
import { count, el, icon } from "./format.js";
import { textOrJson } from "./value.js";

const ROLES = {
  system: gettext("System"),
  user: gettext("User"),
  assistant: gettext("Assistant"),
  tool: gettext("Tool"),
};

/** A list of turns; `more(offset)` fetches the next page. */
export function conversation(page, more) {
  const list = el("div", "tr-messages");
  append(list, page, more);
  return list;
}

function append(list, page, more) {
  page.turns.forEach((turn) => list.append(turnBox(turn)));
  const shown = page.offset + page.turns.length;
  if (shown < page.total && more) {
    const left = page.total - shown;
    const text = interpolate(ngettext("Show more (%(number)s turn left)", "Show more (%(number)s turns left)", left), { number: count(left) });
    const button = el("button", "fw-button fw-button--small", text, { type: "button" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      const next = await more(shown);
      button.remove();
      append(list, next, more);
    });
    list.append(button);
  }
}

function turnBox(turn) {
  const box = el("article", `tr-message tr-message--${turn.role}`);
  const role = ROLES[turn.role] ?? (turn.label || gettext("Message"));
  const head = el("header", "tr-message__role fw-overline", turn.name ? `${role} · ${turn.name}` : role);
  head.title = turn.label;
  box.append(head, ...turn.parts.map(partBox));
  if (!turn.parts.length) {
    box.append(el("p", "fw-muted fw-small", gettext("Empty.")));
  }
  return box;
}

const PARTS = {
  text: (part) => textOrJson(part.text),
  data: (part) => textOrJson(part.text),
  reasoning,
  tool_call: (part) => toolBox(part, "build", part.name || gettext("Tool call")),
  tool_result: (part) => toolBox(part, part.error ? "error" : "output", resultTitle(part)),
  image: picture,
  audio: (part) => medium(part, "volume_up", gettext("Sound")),
  file: (part) => medium(part, "draft", gettext("File")),
};

function partBox(part) {
  const box = (PARTS[part.kind] ?? PARTS.data)({ text: "", ...part });
  if (part.length && part.text) {
    const cut = el("div", "tr-part");
    const values = { shown: count(part.text.length), total: count(part.length) };
    cut.append(box, el("p", "fw-small fw-muted", interpolate(gettext("%(shown)s of %(total)s characters; all of it is in the raw text."), values)));
    return cut;
  }
  return box;
}

function resultTitle(part) {
  const title = part.error ? gettext("Failed") : gettext("Result");
  return part.name ? `${title} · ${part.name}` : title;
}

function reasoning(part) {
  const details = el("details", "tr-reasoning");
  details.append(el("summary", "fw-small fw-muted", gettext("Reasoning")), el("div", "tr-text", part.text));
  return details;
}

function toolBox(part, symbol, title) {
  const box = el("div", `tr-call${part.error ? " tr-call--error" : ""}`);
  const head = el("div", "tr-call__name fw-mono");
  head.append(icon(symbol, "tr-icon"), ` ${title}`);
  if (part.id) {
    head.append(el("span", "fw-small fw-muted", ` ${part.id}`));
  }
  box.append(head);
  if (part.text) {
    box.append(textOrJson(part.text));
  }
  return box;
}

//: What stands for a file that is kept here.
const KEPT = /^@@@langfuseMedia:type=[^|@]+\|id=([A-Za-z0-9_-]{22})\|/;

/** Where a file lies that is kept here, else null. */
function keptFile(part) {
  const found = KEPT.exec(part.url ?? "");
  return found ? `/api/v1/media/${found[1]}/content/` : null;
}

/** Pictures that came along or are kept here are drawn; those that lie elsewhere are a link that only a person follows. */
function picture(part) {
  const kept = keptFile(part);
  if (kept || part.url?.startsWith("data:image/")) {
    return el("img", "tr-picture", "", { src: kept ?? part.url, alt: part.name || gettext("Picture"), loading: "lazy" });
  }
  return medium(part, "image", gettext("Picture"));
}

function medium(part, symbol, title) {
  const box = el("div", "tr-medium");
  const about = [title, part.name, part.media_type].filter(Boolean).join(" · ");
  box.append(icon(symbol, "tr-icon"), el("span", "", about));
  const kept = keptFile(part);
  if (kept) {
    box.append(el("a", "fw-link tr-medium__link", gettext("Open the file"), { href: kept, target: "_blank", rel: "noopener" }));
  } else if (/^https?:/i.test(part.url ?? "")) {
    box.append(el("a", "fw-link tr-medium__link", part.url, { href: part.url, target: "_blank", rel: "noopener noreferrer nofollow" }));
  } else if (!part.url && part.length) {
    box.append(el("span", "fw-muted fw-small", interpolate(gettext("%(number)s characters, in the raw text"), { number: count(part.length) })));
  }
  if (part.text) {
    box.append(el("div", "tr-text", part.text));
  }
  return box;
}
