// Filters the list of offered models while typing.

const filter = document.querySelector("[data-filter]");

if (filter) {
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of document.querySelectorAll("tr[data-name]")) {
      row.hidden = !row.dataset.name.includes(wanted);
    }
  });
  filter.addEventListener("keydown", (event) => {
    // Enter in the filter must not send the form.
    if (event.key === "Enter") event.preventDefault();
  });
}
