// The panel with the scores and comments of a whole trace or session, and what is told of them while it is folded.
import { interpolate, ngettext } from "../../core/js/i18n.js";
import { count, el } from "./format.js";
import { NotesBox, NoteStore, scoreBadge } from "./notes.js";

/** Fill the panel of the page; returns the store that it is drawn from. */
export function notePanel(data) {
  const notes = new NoteStore(data);
  const summary = document.querySelector("[data-trace-note-count]");
  document.querySelector("[data-trace-notes]").append(new NotesBox(notes).element);
  const tell = () => {
    summary.replaceChildren(...notes.scoresOf("").map(scoreBadge));
    const comments = notes.commentsOf("").length;
    if (comments) {
      const text = interpolate(ngettext("%(number)s comment", "%(number)s comments", comments), { number: count(comments) });
      summary.append(el("span", "fw-badge fw-badge--muted", text));
    }
  };
  notes.onChange(tell);
  tell();
  return notes;
}
