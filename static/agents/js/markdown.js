// Markdown to DOM nodes. No HTML string is ever parsed, so nothing in a text can become an element or a script.
// Knows what models write: headings, lists, tables, quotes, fenced code, emphasis, links, and citation marks [1].
import { copyText } from "../../core/js/clipboard.js";
import { gettext } from "../../core/js/i18n.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])\s*(?:\1\s*){2,}$/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const SAFE_LINK = /^(https?:\/\/|mailto:|\/(?!\/)|#)/i;
const MAX_DEPTH = 8;

function make(tag, className = "", children = []) {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  node.append(...children);
  return node;
}

/* ---- blocks: text → [{source, build(options) → Node}] ---- */

/** Cut a text into its top-level blocks; each knows its own source, so that unchanged ones can be kept. */
export function blocksOf(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const { end, build } = readBlock(lines, at);
    blocks.push({ source: lines.slice(at, end).join("\n"), build });
    at = end;
  }
  return blocks;
}

function readBlock(lines, at) {
  const line = lines[at];
  let match;
  if ((match = FENCE.exec(line))) {
    return readFence(lines, at, match);
  }
  if ((match = HEADING.exec(line))) {
    const level = Math.min(match[1].length + 2, 6);
    const text = match[2];
    return { end: at + 1, build: (options) => make(`h${level}`, "", inline(text, options)) };
  }
  if (RULE.test(line)) {
    return { end: at + 1, build: () => make("hr") };
  }
  if (QUOTE.test(line)) {
    return readQuote(lines, at);
  }
  if (ITEM.test(line)) {
    return readList(lines, at);
  }
  if (line.includes("|") && at + 1 < lines.length && DIVIDER.test(lines[at + 1])) {
    return readTable(lines, at);
  }
  return readParagraph(lines, at);
}

function readFence(lines, at, [, marker, language]) {
  let end = at + 1;
  while (end < lines.length && !isFenceEnd(lines[end], marker)) {
    end += 1;
  }
  const code = lines.slice(at + 1, end).join("\n");
  return { end: Math.min(end + 1, lines.length), build: () => codeBlock(code, language) };
}

function isFenceEnd(line, marker) {
  const text = line.trim();
  return text.length >= marker.length && text === marker[0].repeat(text.length);
}

function codeBlock(code, language) {
  const copy = make("button", "agents-code__copy", [gettext("Copy")]);
  copy.type = "button";
  copy.addEventListener("click", async () => {
    await copyText(code);
    copy.textContent = gettext("Copied");
    setTimeout(() => (copy.textContent = gettext("Copy")), 1500);
  });
  const head = make("div", "agents-code__head", [make("span", "", [language]), copy]);
  return make("div", "agents-code", [head, make("pre", "", [make("code", "", [code])])]);
}

function readQuote(lines, at) {
  const inner = [];
  let end = at;
  let match;
  while (end < lines.length && (match = QUOTE.exec(lines[end]))) {
    inner.push(match[1]);
    end += 1;
  }
  return { end, build: (options) => make("blockquote", "", nested(inner.join("\n"), options)) };
}

function nested(text, options) {
  const depth = (options.depth ?? 0) + 1;
  if (depth > MAX_DEPTH) {
    return [text];
  }
  return blocksOf(text).map((block) => block.build({ ...options, depth }));
}

function readList(lines, at) {
  const [, indent, marker] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(marker);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]);
    if (match && match[1].length <= indent.length + 1 && /\d/.test(match[2]) === ordered) {
      items.push([match[4]]);
    } else if (belongsToItem(lines, end, indent.length)) {
      items.at(-1).push(lines[end].replace(new RegExp(`^\\s{0,${indent.length + 4}}`), ""));
    } else {
      break;
    }
    end += 1;
  }
  const start = ordered ? Number.parseInt(marker, 10) : 1;
  return { end, build: (options) => buildList(items, ordered, start, options) };
}

function belongsToItem(lines, at, indent) {
  const line = lines[at];
  if (line.trim()) {
    const own = line.length - line.trimStart().length;
    const interrupts = HEADING.test(line) || FENCE.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
    return own > indent || (Boolean(lines[at - 1]?.trim()) && !interrupts);
  }
  const next = lines[at + 1] ?? "";
  const own = next.length - next.trimStart().length;
  return Boolean(next.trim()) && (own > indent + 1 || (ITEM.test(next) && own >= indent));
}

function buildList(items, ordered, start, options) {
  const list = make(ordered ? "ol" : "ul");
  if (ordered && start !== 1) {
    list.start = start;
  }
  for (const item of items) {
    const children = nested(item.join("\n"), options);
    // a tight item needs no paragraph of its own
    const first = children[0];
    if (first instanceof HTMLParagraphElement) {
      children.splice(0, 1, ...first.childNodes);
    }
    list.append(make("li", "", children));
  }
  return list;
}

function readTable(lines, at) {
  const align = cells(lines[at + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "",
  );
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) {
    end += 1;
  }
  const head = cells(lines[at]);
  const rows = lines.slice(at + 2, end).map(cells);
  return { end, build: (options) => buildTable(head, rows, align, options) };
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function buildTable(head, rows, align, options) {
  const row = (values, tag) =>
    make("tr", "", head.map((_cell, i) => {
      const cell = make(tag, align[i] ? `is-${align[i]}` : "", inline(values[i] ?? "", options));
      return cell;
    }));
  const table = make("table", "", [
    make("thead", "", [row(head, "th")]),
    make("tbody", "", rows.map((values) => row(values, "td"))),
  ]);
  return make("div", "agents-table", [table]);
}

function readParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !interruptsParagraph(lines, end)) {
    end += 1;
  }
  const text = lines.slice(at, end).join("\n");
  return { end, build: (options) => make("p", "", inline(text, options)) };
}

function interruptsParagraph(lines, at) {
  const line = lines[at];
  return (
    FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) ||
    /^\s*([-*+•]|1[.)])\s+\S/.test(line) ||
    (line.includes("|") && at + 1 < lines.length && DIVIDER.test(lines[at + 1]))
  );
}

/* ---- inline ---- */

const INLINE = new RegExp(
  [
    "(?<code>`+)(?<codeText>.+?)\\k<code>(?!`)",
    "\\\\(?<escaped>[\\\\`*_{}\\[\\]()#+\\-.!|~>])",
    "!?\\[(?<label>[^\\]\\n]{1,400})\\]\\((?<href>[^\\s()]+(?:\\([^\\s()]*\\))?)(?:\\s+\"[^\"]*\")?\\)",
    "[\\[【]\\^?(?<cite>\\d{1,2}(?:\\s*[,,、]\\s*\\d{1,2})*)[\\]】]",
    "\\*\\*(?<strong>(?=\\S).+?)\\*\\*(?!\\*)",
    "(?<![\\w_])__(?<strong2>(?=\\S).+?)__(?!\\w)",
    "\\*(?<em>(?=[^\\s*]).+?)\\*(?!\\*)",
    "(?<![\\w_])_(?<em2>(?=\\S)[^_]+?)_(?!\\w)",
    "~~(?<del>(?=\\S).+?)~~",
    "(?<url>https?://[^\\s<>\"'`,。)】]+[^\\s<>\"'`.,;:!?)\\]。,])",
    "(?<br> {2,}\\n|<br\\s*/?>)",
  ].join("|"),
  "gsu",
);

function inline(text, options, depth = 0) {
  const nodes = [];
  let end = 0;
  if (depth > MAX_DEPTH) {
    return [text];
  }
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) {
      nodes.push(text.slice(end, match.index));
    }
    nodes.push(...inlineNodes(match, options, depth));
    end = match.index + match[0].length;
  }
  if (end < text.length) {
    nodes.push(text.slice(end));
  }
  return nodes;
}

function inlineNodes(match, options, depth) {
  const g = match.groups;
  const inner = (value) => inline(value, options, depth + 1);
  if (g.code) return [make("code", "", [g.codeText.trim() || g.codeText])];
  if (g.escaped) return [g.escaped];
  if (g.label) return [link(g.href, inner(g.label), match[0])];
  if (g.cite) return citations(match[0], g.cite, options);
  if (g.strong ?? g.strong2) return [make("strong", "", inner(g.strong ?? g.strong2))];
  if (g.em ?? g.em2) return [make("em", "", inner(g.em ?? g.em2))];
  if (g.del) return [make("del", "", inner(g.del))];
  if (g.url) return [link(g.url, [g.url], g.url)];
  return [make("br")];
}

function link(href, children, source) {
  if (!SAFE_LINK.test(href)) {
    return document.createTextNode(source);
  }
  const anchor = make("a", "", children);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow";
  return anchor;
}

function citations(source, numbers, options) {
  const chips = numbers.split(/[,,、]/).map((n) => options.cite?.(Number(n)) ?? null);
  return chips.every(Boolean) ? chips : [source];
}

/* ---- into the page ---- */

/**
 * Show a text in `element`. Called again with a longer text it replaces only the blocks that changed,
 * so a streaming answer keeps selection, scroll positions and speed.
 * options.cite(n) returns the node for citation mark [n], or null to leave the text as it is.
 */
export function renderMarkdown(element, text, options = {}) {
  const before = element.fwBlocks ?? [];
  const after = blocksOf(text);
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same].source) {
    same += 1;
  }
  if (element.fwCite !== options.version) {
    same = 0;
    element.fwCite = options.version;
  }
  while (element.childNodes.length > same) {
    element.lastChild.remove();
  }
  element.append(...after.slice(same).map((block) => block.build(options)));
  element.fwBlocks = after.map((block) => block.source);
}
