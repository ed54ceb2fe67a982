// The desk's keyboard. Letters work while no text field has the focus; Ctrl+Enter works everywhere.

const isTyping = (target) => Boolean(target.closest?.("input, textarea, select, [contenteditable]"));

/** `actions`: good, bad, label(n), edit, comment, submit, skip, previous, following, help, leave(field). */
export function bindKeys(actions) {
  const letters = {
    u: actions.good,
    d: actions.bad,
    e: actions.edit,
    c: actions.comment,
    s: actions.skip,
    k: actions.previous,
    ArrowLeft: actions.previous,
    j: actions.following,
    ArrowRight: actions.following,
    "?": actions.help,
  };
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) {
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      actions.submit();
      return;
    }
    if (isTyping(event.target)) {
      if (event.key === "Escape") {
        actions.leave(event.target);
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = /^[1-9]$/.test(event.key) ? () => actions.label(event.key) : letters[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}
