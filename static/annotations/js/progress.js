// Progress bars of queues in the list, live.
import { subscribe } from "../../core/js/events.js";

document.querySelectorAll("[data-queue-progress]").forEach((box) => {
  subscribe(`annotations.annotationqueue:${box.dataset.queueProgress}`, (type, data) => {
    if (type !== "progress") {
      return;
    }
    const bar = box.querySelector("progress");
    bar.max = Math.max(data.total, 1);
    bar.value = data.done + data.skipped;
    box.querySelector("[data-progress-text]").textContent = `${bar.value} / ${data.total}`;
  });
});
