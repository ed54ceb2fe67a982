// Reloading this page must lead to the list and not create a second key.
const list = document.querySelector("[data-replace-history]");
history.replaceState(null, "", list.href);
const field = document.querySelector("[data-select-all]");
field.addEventListener("focus", () => field.select());
