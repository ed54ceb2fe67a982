// The agent's editor: the form saves in place, the preview beside it always talks to what was saved last.
import { confirm } from "../../core/js/dialog.js";
import { gettext } from "../../core/js/i18n.js";
import { destroy } from "../../core/js/http.js";
import { Chat } from "./chat.js";
import { consoleDoor } from "./doors.js";

const form = document.getElementById("agents-form");
const dirty = document.getElementById("agents-dirty");
let changed = false;

form.addEventListener("input", () => {
  changed = true;
  if (dirty) {
    dirty.hidden = false;
  }
});
form.addEventListener("submit", () => {
  changed = false;
});
addEventListener("beforeunload", (event) => {
  if (changed) {
    event.preventDefault();
  }
});
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    form.requestSubmit(form.querySelector(".agents-editor__foot [type=submit]"));
  }
});

const data = document.getElementById("agents-config");
if (data) {
  const config = JSON.parse(data.textContent);
  const chat = new Chat(document.getElementById("agents-chat"), consoleDoor(config.agent.id), config);
  document.getElementById("agents-preview-new").addEventListener("click", () => chat.open(null));
  document.getElementById("agents-delete")?.addEventListener("click", async () => {
    const sure = await confirm({
      title: gettext("Delete this agent?"),
      body: gettext("Its conversations are deleted with it. Traces stay."),
      danger: true,
    });
    if (sure) {
      changed = false;
      await destroy(`/api/v1/agents/${config.agent.id}/`);
      location.href = config.listUrl;
    }
  });
}
