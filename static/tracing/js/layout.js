// Moving widgets and changing their size, with the mouse and with the keyboard. Every change is saved at once.
import { gettext, interpolate } from "../../core/js/i18n.js";
import { post } from "../../core/js/http.js";
import { el, icon } from "./format.js";

const WIDTHS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const MAX_HEIGHT = 4;

class Layout {
  constructor(board, widgets) {
    this.board = board;
    this.status = document.querySelector("[data-board-status]");
    this.items = new Map();
    [...board.children].forEach((card, at) => this.adopt(card, widgets[at]));
    this.saving = Promise.resolve();
  }

  adopt(card, widget) {
    this.items.set(card, widget);
    const handle = el("button", "fw-icon-button tr-widget__handle", "", {
      type: "button",
      "aria-label": interpolate(gettext("Move or resize “%(title)s”"), { title: widget.title }),
      "aria-describedby": "board-help",
    });
    handle.append(icon("drag_indicator", "tr-icon"));
    handle.addEventListener("keydown", (event) => this.onKey(event, card));
    handle.addEventListener("pointerdown", (event) => this.drag(event, card, handle));
    const edit = el("a", "fw-icon-button", "", { href: widget.edit, "aria-label": gettext("Edit this widget"), title: gettext("Edit this widget") });
    edit.append(icon("edit", "tr-icon"));
    card.querySelector(".tr-widget__head").prepend(handle);
    card.querySelector(".tr-widget__head").append(edit);
    card.classList.add("is-editable");
  }

  onKey(event, card) {
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const upwards = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (sideways === undefined && upwards === undefined) {
      return;
    }
    event.preventDefault();
    if (event.shiftKey) {
      this.resize(card, sideways ?? 0, upwards ?? 0);
    } else {
      this.step(card, sideways ?? upwards);
    }
    event.currentTarget.focus();
  }

  /** One place forwards or backwards. */
  step(card, by) {
    const other = by < 0 ? card.previousElementSibling : card.nextElementSibling;
    if (!other) {
      return;
    }
    if (by < 0) {
      other.before(card);
    } else {
      other.after(card);
    }
    const place = [...this.board.children].indexOf(card) + 1;
    this.tell(interpolate(gettext("“%(title)s” is number %(place)s of %(all)s."), { title: this.items.get(card).title, place, all: this.items.size }));
    this.save();
  }

  resize(card, wider, higher) {
    const widget = this.items.get(card);
    const width = WIDTHS[Math.min(Math.max(WIDTHS.indexOf(Math.max(widget.width, WIDTHS[0])) + wider, 0), WIDTHS.length - 1)];
    const height = Math.min(Math.max(widget.height + higher, 1), MAX_HEIGHT);
    card.classList.replace(`tr-w-${widget.width}`, `tr-w-${width}`);
    card.classList.replace(`tr-h-${widget.height}`, `tr-h-${height}`);
    Object.assign(widget, { width, height });
    this.tell(interpolate(gettext("%(width)s of 12 columns, %(height)s rows."), { width, height }));
    this.save();
  }

  drag(event, card, handle) {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    card.classList.add("is-dragged");
    let moved = false;
    const move = ({ clientX, clientY }) => {
      const over = document.elementsFromPoint(clientX, clientY).find((node) => node !== card && this.items.has(node));
      if (over) {
        const box = over.getBoundingClientRect();
        const before = card.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_PRECEDING;
        // only past the middle: a narrow widget that changed places with a wide one would go to and fro
        const past = before ? clientX < box.left + box.width / 2 || clientY < box.top : clientX > box.left + box.width / 2 || clientY > box.bottom;
        if (past) {
          over[before ? "before" : "after"](card);
          moved = true;
        }
      }
    };
    const end = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", end);
      document.removeEventListener("pointercancel", end);
      card.classList.remove("is-dragged");
      handle.focus();
      if (moved) {
        this.save();
      }
    };
    // a captured pointer would be lost with the first move of the card in the page
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", end);
    document.addEventListener("pointercancel", end);
  }

  tell(text) {
    this.status.textContent = text;
  }

  /** One after the other: the last state wins. */
  save() {
    const widgets = [...this.board.children].map((card) => {
      const { id, width, height } = this.items.get(card);
      return { id, width, height };
    });
    this.saving = this.saving.then(() => post(this.board.dataset.layout, { widgets }).catch(() => {}));
  }
}

export function makeEditable(board, widgets) {
  return new Layout(board, widgets);
}
