// Times in the reader's time zone and language. <time datetime="ISO" data-relative> shows "3 minutes ago" and stays fresh.
import { pageLanguage } from "./i18n.js";

const STEPS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 7],
  ["week", 4.35],
  ["month", 12],
  ["year", Infinity],
];

/** "3 minutes ago" for a Date or ISO text, relative to `now`. */
export function relativeTime(value, now = new Date()) {
  const format = new Intl.RelativeTimeFormat(pageLanguage(), { numeric: "auto" });
  let amount = (new Date(value) - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(Math.round(amount)) < size) {
      return format.format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return "";
}

/** Date and time in the reader's own time zone. */
export function localTime(value, options = { dateStyle: "medium", timeStyle: "medium" }) {
  return new Intl.DateTimeFormat(pageLanguage(), options).format(new Date(value));
}

/** "840 ms", "3.2 s", "4 min 12 s". */
export function duration(milliseconds) {
  if (milliseconds < 1000) {
    return `${Math.round(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  }
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Render every <time data-relative> and <time data-local> below `root`. */
export function renderTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime][data-relative]")) {
    element.textContent = relativeTime(element.dateTime);
    element.title = localTime(element.dateTime);
  }
  for (const element of root.querySelectorAll("time[datetime][data-local]")) {
    element.textContent = localTime(element.dateTime);
  }
}

/** Render now and every half minute. */
export function keepTimesFresh() {
  renderTimes();
  setInterval(renderTimes, 30000);
}
