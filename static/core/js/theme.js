// Pages outside the console follow the appearance chosen in it. A classic script in the head, so that nothing flashes.
(() => {
  let choice = "auto";
  try {
    choice = JSON.parse(localStorage.getItem("adminTheme")) ?? "auto";
  } catch {
    // Storage that is blocked or holds something else means: follow the system.
  }
  const dark = choice === "dark" || (choice === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
