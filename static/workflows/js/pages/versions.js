// Versions: publishing, renaming, choosing two to compare.
import { bindDialogs } from "../dialogs.js";
import { pageData } from "../dom.js";
import { askToPublish } from "../publish.js";

bindDialogs();

document.querySelector("[data-publish]")?.addEventListener("click", async () => {
  if (await askToPublish(pageData("wf-data").publish)) {
    location.reload();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-rename]");
  if (!button) {
    return;
  }
  const form = document.querySelector("#wf-rename form");
  form.elements.version.value = button.dataset.rename;
  form.elements.name.value = button.dataset.name;
  form.elements.note.value = button.dataset.note;
  form.closest("dialog").showModal();
});

/** The two boxes that are checked are what is compared. */
const compare = document.querySelector("[data-compare]");
compare?.addEventListener("change", () => {
  const chosen = [...compare.querySelectorAll("input:checked")].map((box) => box.value);
  const link = document.querySelector("[data-compare-link]");
  const [newer, older] = chosen;
  link.toggleAttribute("aria-disabled", chosen.length !== 2);
  link.href = chosen.length === 2 ? `${link.dataset.url}?from=${older}&to=${newer}` : "#";
});
document.querySelector("[data-compare-link]")?.addEventListener("click", (event) => {
  if (event.currentTarget.hasAttribute("aria-disabled")) {
    event.preventDefault();
  }
});
