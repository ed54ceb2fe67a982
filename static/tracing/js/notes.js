// Scores and comments of a trace, of its steps, or of a session: read and written in place.
import { confirm } from "../../core/js/dialog.js";
import { destroy, patch, post } from "../../core/js/http.js";
import { gettext, interpolate } from "../../core/js/i18n.js";
import { relativeTime } from "../../core/js/time.js";
import { el, icon } from "./format.js";
import { ScoreForm } from "./score_form.js";

const SOURCES = {
  annotation: gettext("Annotation"),
  evaluator: gettext("Evaluator"),
  api: gettext("API"),
  user: gettext("End user"),
};

/** What the server knows, kept up to date by what is written here. `subject` is {trace_id} or {session_id}. */
export class NoteStore {
  constructor(data) {
    Object.assign(this, data);
    this.listeners = new Set();
  }

  /** Call `listener(observationId)` after every change; returns how to stop it. */
  onChange(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(observationId) {
    this.listeners.forEach((listener) => listener(observationId));
  }

  scoresOf(observationId) {
    return this.scores.filter((score) => score.observation_id === observationId);
  }

  commentsOf(observationId) {
    return this.comments.filter((comment) => comment.observation_id === observationId);
  }

  mine(note) {
    return note.author !== null && String(note.author) === this.me;
  }

  mayEdit(score) {
    return this.rights.score && this.mine(score) && score.source === "annotation";
  }

  mayRemove(note) {
    return this.mine(note) || this.rights.remove;
  }

  /** Give a score; one's own of the same name is replaced, as on the server. */
  async score(observationId, values) {
    const body = { ...this.subject, observation_id: observationId, source: "annotation", ...values };
    if (!observationId) {
      delete body.observation_id;
    }
    const score = await post("/api/v1/scores/", body, { quiet: true });
    this.scores = [...this.scores.filter((item) => item.id !== score.id), score];
    this.changed(observationId);
  }

  async removeScore(score) {
    await destroy(`/api/v1/scores/${score.id}/`);
    this.scores = this.scores.filter((item) => item.id !== score.id);
    this.changed(score.observation_id);
  }

  async comment(observationId, text) {
    const comment = await post("/api/v1/comments/", { ...this.subject, observation_id: observationId, text }, { quiet: true });
    this.comments = [...this.comments, comment];
    this.changed(observationId);
  }

  async edit(comment, text) {
    const changed = await patch(`/api/v1/comments/${comment.id}/`, { text }, { quiet: true });
    this.comments = this.comments.map((item) => (item.id === comment.id ? changed : item));
    this.changed(comment.observation_id);
  }

  async removeComment(comment) {
    await destroy(`/api/v1/comments/${comment.id}/`);
    this.comments = this.comments.filter((item) => item.id !== comment.id);
    this.changed(comment.observation_id);
  }
}

/** "Quality: 0.8", green or red where it says yes or no. */
export function scoreBadge(score) {
  const tone = score.data_type === "boolean" ? (score.value ? "ok" : "error") : "muted";
  return el("span", `fw-badge fw-badge--${tone} tr-score__badge`, `${score.name}: ${score.shown_value}`, {
    title: [SOURCES[score.source] ?? score.source, score.author_name, score.comment].filter(Boolean).join(" · "),
  });
}

/** An element with the scores and comments of one subject and the forms to write more. */
export class NotesBox {
  constructor(store, observationId = "") {
    this.store = store;
    this.observationId = observationId;
    this.element = el("section", "tr-notes");
    this.element.setAttribute("aria-label", gettext("Scores and comments"));
    this.stop = store.onChange((changed) => changed === observationId && this.draw());
    this.draw();
  }

  draw() {
    this.element.replaceChildren(this.scores(), this.comments());
  }

  scores() {
    const part = el("div", "tr-notes__part");
    const head = el("div", "fw-row fw-row--between");
    head.append(el("h3", "fw-heading", gettext("Scores")));
    part.append(head);
    const scores = this.store.scoresOf(this.observationId);
    scores.forEach((score) => part.append(this.scoreRow(score)));
    if (!scores.length) {
      part.append(el("p", "fw-small fw-muted", gettext("No scores yet.")));
    }
    if (this.store.rights.score) {
      const add = el("button", "fw-button fw-button--small", gettext("Add a score"), { type: "button" });
      add.addEventListener("click", () => this.openForm(part, null, add));
      head.append(add);
    }
    return part;
  }

  scoreRow(score) {
    const row = el("article", "tr-note");
    const head = el("div", "fw-row tr-note__head");
    head.append(scoreBadge(score), this.signature(score, SOURCES[score.source] ?? score.source));
    if (this.store.mayEdit(score)) {
      head.append(action("edit", gettext("Edit the score"), () => this.openForm(row, score)));
    }
    if (this.store.mayRemove(score)) {
      head.append(action("delete", gettext("Delete the score"), () => this.remove(score)));
    }
    row.append(head);
    if (score.comment) {
      row.append(el("p", "tr-text", score.comment));
    }
    return row;
  }

  async remove(score) {
    const title = interpolate(gettext("Delete the score “%(name)s”?"), { name: score.name });
    if (await confirm({ title, danger: true })) {
      await this.store.removeScore(score);
    }
  }

  openForm(place, score, opener) {
    place.querySelector(".tr-score-form")?.remove();
    const form = new ScoreForm({
      configs: this.store.configs,
      score,
      onSave: (values) => this.store.score(this.observationId, values),
      onCancel: () => {
        form.element.remove();
        opener?.focus();
      },
    });
    place.append(form.element);
    form.focus();
  }

  comments() {
    const part = el("div", "tr-notes__part");
    part.append(el("h3", "fw-heading", gettext("Comments")));
    const comments = this.store.commentsOf(this.observationId);
    comments.forEach((comment) => part.append(this.commentRow(comment)));
    if (this.store.rights.comment) {
      part.append(commentForm("", gettext("Comment"), (text) => this.store.comment(this.observationId, text)));
    } else if (!comments.length) {
      part.append(el("p", "fw-small fw-muted", gettext("No comments yet.")));
    }
    return part;
  }

  commentRow(comment) {
    const row = el("article", "tr-note");
    const head = el("div", "fw-row tr-note__head");
    head.append(this.signature(comment, comment.edited_at ? gettext("edited") : ""));
    if (this.store.rights.comment && this.store.mine(comment)) {
      head.append(
        action("edit", gettext("Edit the comment"), () => {
          const form = commentForm(comment.text, gettext("Save"), (text) => this.store.edit(comment, text), () => this.draw());
          row.replaceChildren(form);
          form.querySelector("textarea").focus();
        }),
      );
    }
    if (this.store.mayRemove(comment)) {
      head.append(
        action("delete", gettext("Delete the comment"), async () => {
          if (await confirm({ title: gettext("Delete this comment?"), danger: true })) {
            await this.store.removeComment(comment);
          }
        }),
      );
    }
    row.append(head, el("p", "tr-text", comment.text));
    return row;
  }

  signature(note, extra) {
    const line = el("span", "fw-small fw-muted tr-note__by");
    const time = el("time", "", relativeTime(note.created_at), { datetime: note.created_at, title: note.created_at });
    line.append(el("strong", "", note.author_name || gettext("Unknown")), " · ", time);
    if (extra) {
      line.append(` · ${extra}`);
    }
    return line;
  }
}

function action(symbol, label, onClick) {
  const button = el("button", "fw-icon-button", "", { type: "button", "aria-label": label, title: label });
  button.append(icon(symbol, "tr-icon"));
  button.addEventListener("click", onClick);
  return button;
}

/** A field and a button; what the server refuses is said below the field, and the text stays. */
function commentForm(value, label, save, cancel) {
  const form = el("form", "tr-comment-form fw-stack fw-stack--small");
  const field = el("textarea", "fw-textarea", "", {
    rows: "2",
    maxlength: "10000",
    required: "",
    "aria-label": gettext("Comment"),
    placeholder: gettext("Write a comment for your colleagues…"),
  });
  field.value = value;
  const row = el("div", "fw-row");
  const submit = el("button", "fw-button fw-button--small fw-button--primary", label, { type: "submit" });
  row.append(submit);
  if (cancel) {
    const back = el("button", "fw-button fw-button--small fw-button--ghost", gettext("Cancel"), { type: "button" });
    back.addEventListener("click", cancel);
    row.append(back);
  }
  const problem = el("p", "fw-field__error", "", { role: "alert", hidden: "" });
  form.append(field, problem, row);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await save(field.value);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  return form;
}
