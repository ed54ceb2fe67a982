// Fills the form of a new provider from a well-known endpoint.

const data = document.getElementById("providers-preset-data");
const box = document.getElementById("providers-presets");

if (data && box) {
  const presets = new Map(JSON.parse(data.textContent).map((preset) => [preset.key, preset]));
  const field = (name) => document.querySelector(`[name="${name}"]`);
  const hint = box.querySelector("[data-preset-hint]");
  let filledName = "";

  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-preset]");
    if (!button) return;
    const preset = presets.get(button.dataset.preset);
    for (const other of box.querySelectorAll("[data-preset]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    const name = field("name");
    // A name that the person typed stays.
    if (name && (!name.value || name.value === filledName)) {
      filledName = preset.base_url ? preset.title : "";
      name.value = filledName;
    }
    const url = field("base_url");
    if (url) url.value = preset.base_url;
    hint.textContent = preset.hint;
    const next = preset.base_url ? field("api_key") : name;
    if (next) next.focus();
  });
}
