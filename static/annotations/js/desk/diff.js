// Differences of two texts by words (Myers' greedy algorithm on tokens), for languages with and without spaces.

const MOST_EDITS = 1200;

function tokens(text, language) {
  if (typeof Intl.Segmenter === "function") {
    const words = new Intl.Segmenter(language, { granularity: "word" });
    return Array.from(words.segment(text), (part) => part.segment);
  }
  return text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

/** Length of the equal beginning (or end) of two lists. */
function equalRun(a, b, at) {
  const most = Math.min(a.length, b.length);
  let count = 0;
  while (count < most && at(a, count) === at(b, count)) {
    count += 1;
  }
  return count;
}

/** Rows of furthest reaching points, one per number of edits; null when the texts differ too much. */
function forward(a, b) {
  const rows = [];
  const reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(a.length + b.length, MOST_EDITS); edits += 1) {
    rows.push(new Map(reach));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) {
        x += 1;
      }
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) {
        return rows;
      }
    }
  }
  return null;
}

function backward(a, b, rows) {
  const parts = [];
  let x = a.length;
  let y = b.length;
  for (let edits = rows.length - 1; edits >= 0; edits -= 1) {
    const reach = rows[edits];
    const k = x - y;
    const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : (reach.get(fromK) ?? 0);
    const fromY = edits === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      parts.push(["same", a[x]]);
    }
    if (edits > 0) {
      parts.push(down ? ["added", b[fromY]] : ["removed", a[fromX]]);
      x = fromX;
      y = fromY;
    }
  }
  return parts.reverse();
}

/** Neighbours of one kind in one piece; removals before additions, so that a replaced phrase reads as one. */
function merge(parts) {
  const merged = [];
  let removed = "";
  let added = "";
  const flush = () => {
    if (removed) {
      merged.push(["removed", removed]);
    }
    if (added) {
      merged.push(["added", added]);
    }
    removed = "";
    added = "";
  };
  for (const [kind, text] of parts) {
    if (kind === "removed") {
      removed += text;
    } else if (kind === "added") {
      added += text;
    } else {
      flush();
      if (merged.at(-1)?.[0] === "same") {
        merged.at(-1)[1] += text;
      } else {
        merged.push(["same", text]);
      }
    }
  }
  flush();
  return merged;
}

/** Pieces [kind, text] with kind same, removed or added that lead from `before` to `after`. */
export function diff(before, after, language = "en") {
  const a = tokens(before, language);
  const b = tokens(after, language);
  const head = equalRun(a, b, (list, n) => list[n]);
  const tail = equalRun(a.slice(head), b.slice(head), (list, n) => list[list.length - 1 - n]);
  const oldMiddle = a.slice(head, a.length - tail);
  const newMiddle = b.slice(head, b.length - tail);
  const rows = forward(oldMiddle, newMiddle);
  const middle = rows
    ? backward(oldMiddle, newMiddle, rows)
    : [["removed", oldMiddle.join("")], ["added", newMiddle.join("")]];
  const parts = [["same", a.slice(0, head).join("")], ...middle, ["same", a.slice(a.length - tail).join("")]];
  return merge(parts.filter(([, text]) => text));
}

/** The pieces as <ins>, <del> and text inside `element`. */
export function renderDiff(element, pieces) {
  const tags = { added: "ins", removed: "del", same: "span" };
  element.replaceChildren(
    ...pieces.map(([kind, text]) => {
      const node = document.createElement(tags[kind]);
      node.textContent = text;
      return node;
    }),
  );
}
