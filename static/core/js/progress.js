// Live progress of background jobs.
// <div data-job="ID" data-job-state="running">
//   <progress class="fw-progress"></progress> <span class="fw-badge" data-job-badge></span> <span data-job-message></span>
// </div>
import { onReopen, subscribe } from "./events.js";
import { gettext } from "./i18n.js";

const FINAL_STATES = new Set(["succeeded", "failed", "cancelled"]);

/** Is the job over? */
export function isFinal(state) {
  return FINAL_STATES.has(state);
}

/** Call `handler(data)` for each change of a job: {state, done, total, message, error}. Returns the function that ends it. */
export function trackJob(jobId, handler) {
  const stop = subscribe(`job:${jobId}`, (type, data) => {
    handler(data);
    if (isFinal(data.state)) {
      stop();
    }
  });
  return stop;
}

/** Set a <progress>: a share when the total is known, otherwise moving. */
export function setProgress(bar, { state, done = 0, total = 0 }) {
  bar.classList.toggle("fw-progress--ok", state === "succeeded");
  bar.classList.toggle("fw-progress--error", state === "failed");
  if (state === "succeeded") {
    bar.max = 1;
    bar.value = 1;
  } else if (total > 0) {
    bar.max = total;
    bar.value = done;
  } else if (state === "running") {
    bar.removeAttribute("value");
  } else {
    bar.value = 0;
  }
}

const BADGES = {
  queued: ["muted", gettext("Queued")],
  running: ["info", gettext("Running")],
  succeeded: ["ok", gettext("Succeeded")],
  failed: ["error", gettext("Failed")],
  cancelled: ["warn", gettext("Cancelled")],
};

function renderBadge(badge, state) {
  const [tone, label] = BADGES[state] ?? ["muted", state];
  badge.className = `fw-badge fw-badge--${tone}`;
  badge.textContent = label;
}

function render(element, data) {
  element.dataset.jobState = data.state ?? element.dataset.jobState;
  const bar = element.querySelector("progress");
  if (bar) {
    setProgress(bar, { ...data, state: element.dataset.jobState });
  }
  const message = element.querySelector("[data-job-message]");
  if (message) {
    message.textContent = data.error || data.message || "";
  }
  const badge = element.querySelector("[data-job-badge]");
  if (badge) {
    renderBadge(badge, element.dataset.jobState);
  }
  element.dispatchEvent(new CustomEvent("fw:job", { bubbles: true, detail: data }));
}

/** Follow each unfinished [data-job] below `root`; a finished job fires "fw:job" with its last state. */
export function bindJobs(root = document) {
  const open = [...root.querySelectorAll("[data-job]")].filter((element) => !isFinal(element.dataset.jobState));
  open.forEach((element) => trackJob(element.dataset.job, (data) => render(element, data)));
  // What happened while the connection was down is unknown. A page without half-filled forms can simply load anew.
  if (open.length > 0 && !document.querySelector("form[method=post] :is(input:not([type=hidden], [type=checkbox]), textarea)")) {
    onReopen(() => location.reload());
  }
}
