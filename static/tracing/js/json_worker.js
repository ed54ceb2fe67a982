// Holds one large JSON value outside the page: fetches and parses it, and tells the children that the page asks for.
import { childrenAt, rootNode, valueAt } from "./json_nodes.js";

let root;

const answers = {
  async load({ url }) {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) {
      throw new Error(String(response.status));
    }
    root = await response.json();
    return rootNode(root);
  },
  children: ({ path, offset }) => childrenAt(root, path, offset),
  text: ({ path, from, to }) => String(valueAt(root, path)).slice(from, to),
};

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ id: data.id, answer: await answers[data.what](data) });
  } catch (error) {
    self.postMessage({ id: data.id, problem: error.message });
  }
});
