// YAML by lines: each line becomes pieces [kind, text]; the state that the next line begins in goes along.
// Kinds: key, string, number, atom, comment, mark, reference, template, anchor, "" (plain).

const KEY = /^((?:- +)*)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#:,[\]{}"'&*!|>%@`-][^#:]*?|-[^\s#:][^#:]*?)(\s*:)(?=\s|$)/;
const BLOCK = /(?:^|[\s:-])([|>][+-]?\d?[+-]?)\s*(#.*)?$/;
const SCALAR = /((?<=^|[\s[{,:])"(?:[^"\\]|\\.)*"?)|((?<=^|[\s[{,:])'(?:[^']|'')*'?)|((?:^|(?<=\s))#.*)|(\{\{.*?\}\}|\{%.*?%\})|((?<=[{,]\s*)[\w-]+(?=\s*:\s))|(\$\.[\w.[\]'"*-]+)|([&*][\w-]+)|([[\]{},])|((?:^|(?<=[\s[,{:]))-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?=[\s,\]}]|$))|((?:^|(?<=[\s[,{:]))(?:true|false|null|~)(?=[\s,\]}]|$))/gi;
const KINDS = ["string", "string", "comment", "template", "key", "reference", "anchor", "mark", "number", "atom"];
const INLINE = /(\{\{.*?\}\}|\{%.*?%\})|(\$\.[\w.[\]'"*-]+)/g;

/** State at the start of a text. `block` is the indentation of a running block scalar's key, or -1. */
export const START = "-1";

/** Pieces of one line, and the state after it. `state` is what the line before returned. */
export function highlightLine(line, state) {
  const block = Number(state);
  const indent = line.search(/\S/);
  if (block >= 0 && (indent < 0 || indent > block)) {
    return { pieces: inside(line), state };
  }
  if (indent < 0) {
    return { pieces: [["", line]], state: START };
  }
  const body = line.slice(indent);
  const pieces = indent ? [["", line.slice(0, indent)]] : [];
  if (body.startsWith("#")) {
    return { pieces: [...pieces, ["comment", body]], state: START };
  }
  const key = KEY.exec(body);
  const rest = key ? body.slice(key[0].length) : body;
  if (key) {
    pieces.push(["mark", key[1]], ["key", key[2]], ["mark", key[3]]);
  }
  pieces.push(...scalar(rest));
  const opens = BLOCK.exec(key ? `:${rest}` : rest);
  // what belongs to the scalar stands deeper than its key, also when the key follows a dash
  const depth = indent + (key ? key[1].length : 0);
  return { pieces: pieces.filter(([, text]) => text), state: opens ? String(depth) : START };
}

function scalar(text) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(SCALAR)) {
    const kind = KINDS[match.slice(1).findIndex((part) => part !== undefined)];
    pieces.push(["", text.slice(at, match.index)]);
    pieces.push(...(kind === "string" ? inside(match[0]) : [[kind, match[0]]]));
    at = match.index + match[0].length;
  }
  pieces.push(["", text.slice(at)]);
  const [first] = pieces;
  return first && /^\s*-\s/.test(first[1]) ? [["mark", first[1]], ...pieces.slice(1)] : pieces;
}

/** References and templates within a text. */
function inside(text) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    pieces.push(["string", text.slice(at, match.index)], [match[1] ? "template" : "reference", match[0]]);
    at = match.index + match[0].length;
  }
  pieces.push(["string", text.slice(at)]);
  return pieces.filter(([, part]) => part);
}
