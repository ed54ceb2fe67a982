// The list of workflows: the dialogs, and the template that gives a new workflow its kind and name.
import { bindDialogs } from "../dialogs.js";

bindDialogs();

const form = document.querySelector("#wf-new form");
let suggested = "";

form?.addEventListener("change", (event) => {
  if (event.target.name !== "template") {
    return;
  }
  form.elements.kind.value = event.target.dataset.kind;
  const name = event.target.dataset.name ?? "";
  if (!form.elements.name.value || form.elements.name.value === suggested) {
    form.elements.name.value = name;
    suggested = name;
  }
});
