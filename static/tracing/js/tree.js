// The observations of a trace as a tree, and the list of rows that are unfolded.

/** Icon of each observation type. */
export const ICONS = {
  span: "horizontal_rule",
  generation: "auto_awesome",
  event: "bolt",
  agent: "smart_toy",
  tool: "build",
  chain: "link",
  retriever: "manage_search",
  embedding: "scatter_plot",
  reranker: "sort",
  evaluator: "fact_check",
  guardrail: "shield",
  workflow: "schema",
  node: "radio_button_unchecked",
};

/** Nodes by id with `children`, `depth`, and sums of tokens and cost below; an unknown parent makes a root. */
export function buildTree(observations) {
  const nodes = new Map(observations.map((row) => [row.id, { ...row, children: [], folded: false }]));
  const roots = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.parent);
    if (parent && parent !== node) {
      node.above = parent;
      parent.children.push(node);
    } else {
      roots.push(node);
    }
  }
  adoptCycles(nodes, roots);
  measure(roots);
  return { nodes, roots };
}

/** Spans that name each other as parents hang on no root: cut their circle open. */
function adoptCycles(nodes, roots) {
  const reached = new Set();
  const walk = (start) => {
    const stack = [start];
    while (stack.length) {
      const node = stack.pop();
      if (!reached.has(node)) {
        reached.add(node);
        stack.push(...node.children);
      }
    }
  };
  roots.forEach(walk);
  for (const node of nodes.values()) {
    if (!reached.has(node)) {
      node.above.children = node.above.children.filter((child) => child !== node);
      node.above = undefined;
      roots.push(node);
      walk(node);
    }
  }
}

/** Depths from the top, sums from the bottom; without recursion, since chains can be thousands long. */
function measure(roots) {
  const order = [];
  const stack = roots.map((root) => [root, 0]);
  while (stack.length) {
    const [node, depth] = stack.pop();
    node.depth = depth;
    order.push(node);
    node.children.forEach((child) => stack.push([child, depth + 1]));
  }
  for (const node of order.reverse()) {
    node.totalCost = (node.cost ?? 0) + node.children.reduce((sum, child) => sum + child.totalCost, 0);
    const own = (node.input ?? 0) + (node.output ?? 0);
    node.totalTokens = own + node.children.reduce((sum, child) => sum + child.totalTokens, 0);
  }
}

/** Nodes in the order they are shown: all, without what is folded; with a search, what matches. */
export function visibleRows(roots, search = "") {
  const rows = [];
  const wanted = search.trim().toLowerCase();
  const stack = [...roots].reverse();
  while (stack.length) {
    const node = stack.pop();
    if (!wanted || matches(node, wanted)) {
      rows.push(node);
    }
    if (wanted || !node.folded) {
      for (let at = node.children.length - 1; at >= 0; at -= 1) {
        stack.push(node.children[at]);
      }
    }
  }
  return rows;
}

function matches(node, wanted) {
  return [node.name, node.type, node.model].some((text) => text?.toLowerCase().includes(wanted));
}
