// Values of any kind and size on the page: short ones whole, long ones cut, with the rest on demand.
import { copyText } from "../../../core/js/clipboard.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { toast } from "../../../core/js/toast.js";
import { count } from "../../../tracing/js/format.js";
import { jsonBlock } from "../../../tracing/js/value.js";
import { button, el, icon, iconButton } from "../dom.js";

const SHOWN = 4000;

/** A heading with a value below it; nothing for a value that is not there. `load` fetches a value that came cut. */
export function valueSection(title, value, { open = true, load = null } = {}) {
  if (value === undefined || value === null || (typeof value === "object" && !Object.keys(value).length)) {
    return null;
  }
  const details = el("details", { class: "wf-value", open });
  const box = el("div", { class: "wf-value__box" });
  const copy = iconButton("content_copy", gettext("Copy"), async (event) => {
    event.preventDefault();
    await copyText(textOf(load ? await load() : value));
    toast(gettext("Copied."), "ok");
  });
  details.append(el("summary", { class: "wf-value__head" }, [el("span", { class: "fw-overline fw-grow", text: title }), copy]), box);
  box.append(...valueNodes(value, load));
  return details;
}

/** Elements that show a value. An object's values stand below their names. */
export function valueNodes(value, load = null) {
  if (value && typeof value === "object" && !Array.isArray(value)) {
    const names = Object.keys(value);
    const flat = names.length <= 30 && names.some((name) => typeof value[name] === "string" && value[name].length > 60);
    if (flat) {
      return names.map((name) => el("div", { class: "wf-value__part" }, [
        el("span", { class: "fw-mono fw-small fw-muted", text: name }), cut(value[name], load && (async () => (await load())[name])),
      ]));
    }
  }
  return [cut(value, load)];
}

function cut(value, load) {
  if (isFile(value)) {
    return fileLink(value);
  }
  if (Array.isArray(value) && value.length && value.every(isFile)) {
    return el("div", { class: "fw-stack fw-stack--small" }, value.map(fileLink));
  }
  const text = textOf(value);
  if (text.length <= SHOWN && !load) {
    return whole(value);
  }
  const box = el("div", {}, [el("pre", { class: "fw-code", tabindex: "0", text: text.slice(0, SHOWN) })]);
  if (text.length > SHOWN || load) {
    const more = button(gettext("Show all"), {
      onclick: async () => {
        more.disabled = true;
        box.replaceChildren(whole(load ? await load() : value));
      },
    });
    box.append(el("div", { class: "fw-row wf-value__more" }, [
      el("span", {
        class: "fw-muted fw-small",
        text: interpolate(gettext("%(shown)s of %(total)s characters"), { shown: count(Math.min(SHOWN, text.length)), total: count(text.length) }),
      }),
      more,
    ]));
  }
  return box;
}

function whole(value) {
  return typeof value === "string" ? el("pre", { class: "fw-code wf-value__text", tabindex: "0", text: value || "\u00a0" }) : jsonBlock(value);
}

const isFile = (value) => Boolean(value) && typeof value === "object" && typeof value.name === "string" && typeof value.url === "string" && "content_type" in value;

function fileLink(file) {
  const safe = /^(https?:\/\/|\/(?!\/))/.test(file.url);
  const name = safe ? el("a", { class: "fw-link", href: file.url, target: "_blank", rel: "noopener", text: file.name }) : el("span", { text: file.name });
  return el("span", { class: "fw-row" }, [icon("draft"), name, el("span", { class: "fw-muted fw-small", text: file.content_type })]);
}

export function textOf(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "";
}

/** An error of a node or a run as a notice, with its code and details. */
export function errorNotice(error) {
  if (!error) {
    return null;
  }
  const { message = String(error), code = "", details = null } = typeof error === "object" ? error : {};
  return el("div", { class: "fw-notice fw-notice--error wf-error", role: "alert" }, [
    icon("error"),
    el("div", { class: "fw-stack fw-stack--small fw-grow" }, [
      el("span", { class: "wf-error__text", text: message }),
      code ? el("code", { class: "fw-mono fw-small", text: code }) : null,
      details && Object.keys(details).length ? el("details", {}, [el("summary", { class: "fw-small", text: gettext("Details") }), jsonBlock(details)]) : null,
    ]),
  ]);
}
