// A conversation that is only read: the thread without a field.
import { el } from "./dom.js";
import { AnswerView, QuestionView } from "./message.js";
import { SourcePanel } from "./sources.js";

const config = JSON.parse(document.getElementById("agents-config").textContent);
const root = document.getElementById("agents-chat");
const thread = el("div", { class: "agents-thread__inner" });
root.append(el("div", { class: "agents-chat__main" }, [thread]));
const panel = new SourcePanel(root, config);
const actions = {
  initial: (config.agent.name.trim()[0] ?? "A").toUpperCase(),
  traceUrl: (id) => config.traceUrl.replace("__id__", id),
  source: (citation, from) => panel.show(citation, from),
  grown: () => {},
};
for (const message of config.messages) {
  const View = message.role === "user" ? QuestionView : AnswerView;
  thread.append(new View(message, actions).node);
}
