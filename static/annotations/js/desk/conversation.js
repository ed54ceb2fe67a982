// The left pane: the whole conversation, the answer to judge highlighted, its sources and the way to its trace.
import { renderMarkdown } from "../../../agents/js/markdown.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  if (text) {
    node.textContent = text;
  }
  return node;
}

function link(href, text, className = "fw-link") {
  const node = element("a", className, text);
  node.href = href;
  node.target = "_blank";
  node.rel = "noopener";
  return node;
}

function badge(text, tone) {
  return element("span", `fw-badge fw-badge--${tone}`, text);
}

/** A mark like [2] leads to the source below the answer; null for a number without a source. */
function mark(message, n) {
  if (!message.citations.some((citation) => citation.n === n)) {
    return null;
  }
  const node = element("a", "desk-mark", `[${n}]`);
  node.href = `#source-${message.id}-${n}`;
  return node;
}

/** Who speaks. */
function speaker(message, item) {
  const names = { user: gettext("Person"), system: gettext("Instructions"), tool: gettext("Tool") };
  return names[message.role] ?? item.agent;
}

/** What a person typed or a tool gave is shown as it is, what an agent wrote as Markdown. */
function textOf(message) {
  if (message.role !== "assistant") {
    return element("div", "desk-message__text desk-message__text--plain", message.content);
  }
  const body = element("div", "desk-message__text fw-prose");
  renderMarkdown(body, message.content, { cite: (n) => mark(message, n) });
  return body;
}

function sources(message) {
  const list = element("ol", "desk-sources");
  for (const citation of message.citations) {
    const item = element("li");
    item.id = `source-${message.id}-${citation.n}`;
    item.value = citation.n;
    const details = element("details");
    const summary = element("summary");
    summary.append(element("span", "", citation.document_name || gettext("Source")));
    details.append(summary, element("p", "desk-sources__text", citation.text));
    if (citation.url) {
      details.append(link(citation.url, gettext("Open the passage")));
    }
    item.append(details);
    list.append(item);
  }
  return list;
}

function head(message, item, judged) {
  const row = element("header", "desk-message__head");
  row.append(element("strong", "", speaker(message, item)));
  if (judged) {
    row.append(badge(gettext("to judge"), "info"));
  }
  if (message.role === "assistant" && message.state !== "completed") {
    row.append(badge(message.state, "warn"));
  }
  if (message.model_name) {
    row.append(element("span", "fw-small fw-muted", message.model_name));
  }
  if (message.trace_url) {
    row.append(link(message.trace_url, gettext("Trace"), "fw-link fw-small desk-message__trace"));
  }
  return row;
}

function renderMessage(message, item) {
  const judged = message.id === item.message;
  const kind = message.role === "user" ? "user" : "assistant";
  const article = element("article", `desk-message desk-message--${kind}`);
  article.classList.toggle("desk-message--judged", judged);
  article.append(head(message, item, judged), textOf(message));
  if (message.error) {
    article.append(element("p", "fw-notice fw-notice--error", message.error));
  }
  if (message.citations.length > 0) {
    const box = judged ? element("section") : element("details");
    box.append(
      element(
        judged ? "h3" : "summary",
        "fw-overline",
        interpolate(gettext("Sources (%(count)s)"), { count: message.citations.length }),
      ),
      sources(message),
    );
    article.append(box);
  }
  if (judged) {
    article.id = "desk-judged";
    article.tabIndex = -1;
    article.setAttribute("aria-label", gettext("Answer to judge"));
  }
  return article;
}

/** Open the source a mark leads to, and bring it into view. */
function followMark(event) {
  const mark = event.target.closest(".desk-mark");
  if (!mark) {
    return;
  }
  event.preventDefault();
  const source = document.getElementById(mark.hash.slice(1));
  for (let box = source?.closest("details"); box; box = box.parentElement.closest("details")) {
    box.open = true;
  }
  const details = source?.querySelector("details");
  if (details) {
    details.open = true;
    details.querySelector("summary").focus();
  }
}

/** Show `item` in `pane`, with the question before the judged answer in view. */
export function renderConversation(pane, item) {
  const top = element("div", "desk-context__head");
  top.append(
    element("h2", "desk-context__title", item.title || gettext("Conversation")),
    badge(item.source, "muted"),
    link(
      item.conversation_url,
      item.source === "trace" ? gettext("Open the trace") : gettext("Open the conversation"),
      "fw-link fw-small",
    ),
  );
  if (item.gone) {
    top.append(element("p", "fw-notice fw-notice--warn", gettext("The trace is no longer stored. Skip this item.")));
  }
  const messages = item.messages.map((message) => renderMessage(message, item));
  pane.replaceChildren(top, ...messages);
  pane.onclick = followMark;
  const judged = pane.querySelector("#desk-judged");
  const question = judged?.previousElementSibling;
  pane.scrollTop = 0;
  if (question && question !== top && judged.offsetTop + judged.offsetHeight > pane.clientHeight) {
    pane.scrollTop = question.offsetTop - pane.offsetTop - 12;
  }
}
