// The inbox: one form per wait; what is answered leaves the list.
import { post } from "../../../core/js/http.js";
import { gettext } from "../../../core/js/i18n.js";
import { toast } from "../../../core/js/toast.js";
import { el, icon, pageData } from "../dom.js";
import { WaitForm } from "../form/wait.js";

const data = pageData("wf-data");

for (const wait of data.waits) {
  const place = document.querySelector(`[data-form="${wait.id}"]`);
  const form = new WaitForm(wait, {
    answer: async (given) => {
      const { run } = await post(data.url, { wait: wait.id, ...given }, { quiet: true });
      toast(gettext("Answered; the run goes on."), "ok");
      place.replaceChildren(el("p", { class: "fw-notice fw-notice--ok" }, [
        icon("task_alt"), el("span", { text: gettext("Answered.") }), el("a", { class: "fw-link", href: run, text: gettext("Watch the run") }),
      ]));
    },
  });
  place.append(form.element);
}
