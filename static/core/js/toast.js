// Short messages in the lower right corner, announced to screen readers.
import { gettext } from "./i18n.js";

const DURATION_MS = { ok: 4000, info: 5000, warn: 8000, error: 12000 };

function region() {
  let element = document.querySelector(".fw-toasts");
  if (!element) {
    element = document.createElement("div");
    element.className = "fw-toasts";
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", gettext("Messages"));
    element.setAttribute("aria-live", "polite");
    document.body.append(element);
  }
  return element;
}

function closeButton(onClose) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fw-toast__close";
  button.setAttribute("aria-label", gettext("Close"));
  button.textContent = "×";
  button.addEventListener("click", onClose);
  return button;
}

/**
 * Show a message. `level` is ok, info, warn or error; it stays while the pointer or the focus is on it.
 * Returns a function that closes it.
 */
export function toast(text, level = "info") {
  const element = document.createElement("div");
  element.className = `fw-toast fw-toast--${level}`;
  element.setAttribute("role", level === "error" ? "alert" : "status");
  const body = document.createElement("span");
  body.className = "fw-toast__text";
  body.textContent = text;
  const close = () => element.remove();
  element.append(body, closeButton(close));
  region().append(element);

  let timer = setTimeout(close, DURATION_MS[level] ?? DURATION_MS.info);
  const hold = () => clearTimeout(timer);
  const release = () => {
    hold();
    timer = setTimeout(close, 2000);
  };
  element.addEventListener("pointerenter", hold);
  element.addEventListener("focusin", hold);
  element.addEventListener("pointerleave", release);
  element.addEventListener("focusout", release);
  return close;
}
