// A session as a conversation: texts that the list of turns has cut are fetched whole when they come into sight.
import { get } from "../../core/js/http.js";
import { notePanel } from "./note_panel.js";

//: Previews are this long when they are cut.
const PREVIEW = 200;
//: Characters of a text that are shown of a turn; the trace has all.
const MAX_TEXT = 20000;
const SPEAKERS = { input: "user", output: "assistant" };

notePanel(JSON.parse(document.querySelector("#session-notes").textContent));

/** What one side says: the last turn of its speaker where it is a conversation, else the text. */
function said(page, side) {
  const turns = page.turns[side]?.turns.filter((turn) => turn.role === SPEAKERS[side]) ?? [];
  const parts = turns.at(-1)?.parts.filter((part) => part.kind === "text") ?? [];
  const text = parts.length ? parts.map((part) => part.text).join("\n\n") : page.turns[side] ? "" : page.payload[side];
  return text.slice(0, MAX_TEXT);
}

async function complete(turn) {
  const cut = [...turn.querySelectorAll("[data-side]")].filter((box) => [...box.textContent].length >= PREVIEW - 1);
  if (!cut.length || !turn.dataset.step) {
    return;
  }
  const query = `limit=${MAX_TEXT}&turns=true`;
  const page = await get(`/api/v1/observations/${turn.dataset.trace}/${turn.dataset.step}/?${query}`, { quiet: true }).catch(() => null);
  for (const box of page ? cut : []) {
    const text = said(page, box.dataset.side);
    // a root that is only a wrapper may know less than the trace
    if (text.length > box.textContent.length) {
      box.textContent = text;
    }
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((item) => item.isIntersecting)) {
    watcher.unobserve(entry.target);
    complete(entry.target);
  }
}, { rootMargin: "400px" });
document.querySelectorAll("[data-replay] > li").forEach((turn) => watcher.observe(turn));
