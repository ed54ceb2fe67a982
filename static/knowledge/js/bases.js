// The list of bases: the dialog for a new one.
import { post } from "../../core/js/http.js";

const dialog = document.getElementById("new-base");

if (dialog) {
  const form = dialog.querySelector("form");
  document.querySelectorAll("[data-new-base]").forEach((button) =>
    button.addEventListener("click", () => {
      dialog.showModal();
      form.elements.name.focus();
    }),
  );
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    submit.disabled = true;
    try {
      const base = await post(form.dataset.api, {
        name: form.elements.name.value,
        description: form.elements.description.value,
        embedding_model: form.elements.embedding_model.value || null,
      });
      location.assign(form.dataset.page.replace("00000000-0000-0000-0000-000000000000", base.id));
    } catch {
      submit.disabled = false;
    }
  });
}
