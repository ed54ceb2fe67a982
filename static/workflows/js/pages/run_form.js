// The form that starts a run.
import { post } from "../../../core/js/http.js";
import { gettext } from "../../../core/js/i18n.js";
import { el, pageData } from "../dom.js";
import { FieldForm } from "../form/fields.js";
import { fieldsOf } from "../form/from-schema.js";

const data = pageData("wf-data");
const form = document.getElementById("wf-run-form");

if (form) {
  const fields = new FieldForm(fieldsOf(data.schema), { values: data.values });
  const trouble = form.querySelector("[data-trouble]");
  const go = form.querySelector("[type=submit]");
  form.querySelector("[data-fields]").append(
    fields.controls.length
      ? fields.element
      : el("p", {
        class: "fw-muted",
        text: data.schema ? gettext("The start node asks for no inputs.") : gettext("The start node of the draft is not right yet. Correct it in the editor."),
      }),
  );
  form.querySelector("[data-source]").addEventListener("change", (event) => {
    const url = new URL(location.href);
    url.searchParams.set("source", event.target.value);
    location.href = url.href;
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    const inputs = fields.read();
    if (!inputs) {
      return;
    }
    go.disabled = true;
    try {
      const { url } = await post(data.url, { inputs, source: data.source }, { quiet: true });
      location.href = url;
    } catch (error) {
      go.disabled = false;
      const left = fields.showErrors(error.errors ?? {});
      const sentences = left.length || Object.keys(error.errors ?? {}).length ? left : [error.message];
      trouble.hidden = !sentences.length;
      trouble.textContent = sentences.join(" ");
    }
  });
  (fields.controls[0] ?? { focus: () => go.focus() }).focus();
}
