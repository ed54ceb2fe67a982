// The small form that asks for the reason behind a thumb.
import { gettext } from "../../core/js/i18n.js";
import { el } from "./dom.js";

const reasons = (value) =>
  value === 1
    ? [gettext("Correct"), gettext("Helpful"), gettext("Well written")]
    : [gettext("Wrong"), gettext("Not what I asked"), gettext("Made up"), gettext("Sources missing"), gettext("Too long")];

/** Ask below `tools` why; resolves to the reason, or "" when the person says nothing. */
export function askReason(tools, value) {
  tools.parentElement.querySelector(".agents-reason")?.remove();
  return new Promise((resolve) => {
    const finish = (text) => {
      form.remove();
      resolve(text);
    };
    const field = el("input", {
      class: "fw-input fw-input--small", maxlength: "500", placeholder: gettext("Anything else? (optional)"),
      "aria-label": gettext("Reason"),
    });
    const chosen = new Set();
    const chips = reasons(value).map((reason) =>
      el("button", {
        type: "button", class: "fw-chip", text: reason, "aria-pressed": "false",
        onclick: (event) => {
          const on = !chosen.delete(reason);
          if (on) {
            chosen.add(reason);
          }
          event.currentTarget.setAttribute("aria-pressed", String(on));
        },
      }),
    );
    const form = el("form", {
      class: "agents-reason",
      onsubmit: (event) => {
        event.preventDefault();
        finish([...chosen, field.value.trim()].filter(Boolean).join("; "));
      },
      onkeydown: (event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          finish("");
        }
      },
    }, [
      el("div", { class: "agents-reason__chips" }, chips),
      el("div", { class: "agents-reason__row" }, [
        field,
        el("button", { type: "submit", class: "fw-button fw-button--small fw-button--primary", text: gettext("Send") }),
        el("button", {
          type: "button", class: "fw-button fw-button--small fw-button--ghost", text: gettext("Skip"),
          onclick: () => finish(""),
        }),
      ]),
    ]);
    tools.after(form);
    (chips[0] ?? field).focus({ preventScroll: true });
  });
}
