// Names and colours of states, the same on the graph, in the list of steps and in badges.
import { gettext } from "../../../core/js/i18n.js";
import { duration } from "../../../core/js/time.js";
import { el } from "../dom.js";

const RUN = {
  queued: ["muted", gettext("Queued")],
  running: ["info", gettext("Running")],
  waiting: ["warn", gettext("Waiting for an answer")],
  succeeded: ["ok", gettext("Succeeded")],
  partial: ["warn", gettext("Succeeded with errors taken care of")],
  failed: ["error", gettext("Failed")],
  stopped: ["muted", gettext("Stopped")],
};

const NODE = {
  running: ["info", gettext("Running")],
  retrying: ["info", gettext("Tries again")],
  waiting: ["warn", gettext("Waiting for an answer")],
  succeeded: ["ok", gettext("Succeeded")],
  handled: ["warn", gettext("Error taken care of")],
  failed: ["error", gettext("Failed")],
  stopped: ["muted", gettext("Stopped")],
  skipped: ["muted", gettext("Skipped")],
};

const badge = (table, state) => {
  const [tone, label] = table[state] ?? ["muted", state];
  return el("span", { class: `fw-badge fw-badge--${tone}`, text: label });
};

export const runBadge = (state) => badge(RUN, state);
export const nodeBadge = (state) => badge(NODE, state);
export const nodeState = (state) => NODE[state]?.[1] ?? state;

/** A time in words; what took less than a millisecond says so. */
export const took = (ms) => (ms < 1 ? "<1 ms" : duration(ms));
