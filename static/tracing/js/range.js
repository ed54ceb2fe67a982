// The time range of a list: chosen is searched, except for the one that needs two times first.
import { localTimes } from "./time_fields.js";

const form = document.querySelector("[data-range-form]");
const range = form.querySelector("[data-range]");

localTimes(form);
range.addEventListener("change", () => {
  const custom = range.value === "custom";
  form.querySelector("[data-custom-range]").hidden = !custom;
  if (custom) {
    form.querySelector("#list-from").focus();
  } else {
    form.requestSubmit();
  }
});
form.addEventListener("submit", () => {
  if (range.value !== "custom") {
    form.querySelectorAll("[data-custom-range] input").forEach((input) => {
      input.disabled = true;
    });
  }
});
