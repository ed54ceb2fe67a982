// The public page of a form.
import { post, send } from "../../../core/js/http.js";
import { gettext } from "../../../core/js/i18n.js";
import { el, icon, pageData } from "../dom.js";
import { WaitForm } from "../form/wait.js";

const data = pageData("wf-data");
const place = document.getElementById("wf-form");

async function upload(file) {
  const body = new FormData();
  body.append("file", file);
  return (await send(data.files, { method: "POST", body, quiet: true })).json();
}

async function answer(given) {
  await post(data.url, given, { quiet: true });
  const done = el("div", { class: "fw-empty", role: "status", tabindex: "-1" }, [
    icon("task_alt"),
    el("h1", { class: "fw-empty__title", text: gettext("Thank you") }),
    el("p", { text: gettext("Your answer was taken. You can close this page.") }),
  ]);
  place.replaceChildren(done);
  done.focus();
}

place.append(new WaitForm(data.wait, { answer, upload }).element);
