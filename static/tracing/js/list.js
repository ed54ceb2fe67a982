// Filter bar of the trace list: choosing a time range sends the form, "From … to …" opens its fields instead.
const range = document.querySelector("[data-range]");

range?.addEventListener("change", () => {
  const custom = range.value === "custom";
  document.querySelectorAll("[data-custom-range]").forEach((field) => {
    field.hidden = !custom;
  });
  if (custom) {
    document.querySelector(".tr-filters").open = true;
    document.querySelector("#trace-from").focus();
  } else {
    range.form.requestSubmit();
  }
});

// Empty fields stay out of the address.
range?.form.addEventListener("submit", (event) => {
  for (const field of event.target.elements) {
    if (field.name && !field.value) {
      field.disabled = true;
      setTimeout(() => {
        field.disabled = false;
      });
    }
  }
});
