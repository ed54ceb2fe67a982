// The desk's calls: the same API that programs use, in the workspace of the page.
import { csrfToken, get, post } from "../../../core/js/http.js";

export class DeskApi {
  #base;
  #headers;

  constructor(base, workspace) {
    this.#base = base;
    this.#headers = { "X-Workspace": workspace };
  }

  /** Lease the next item; `having` are ids the page holds already. Null when nothing is left. */
  next(having, options = {}) {
    return this.#post("next/", { items: having }, options);
  }

  item(id) {
    return get(`${this.#base}items/${id}/`, { headers: this.#headers });
  }

  async recent() {
    const { items } = await get(`${this.#base}recent/`, { headers: this.#headers });
    return items;
  }

  submit(id, judgement) {
    return this.#post(`items/${id}/submit/`, judgement);
  }

  skip(id, reason) {
    return this.#post(`items/${id}/skip/`, { reason });
  }

  async keep(ids) {
    const { items } = await this.#post("keep/", { items: ids }, { quiet: true });
    return items;
  }

  /** Give items back while the page goes away: the request outlives it. */
  releaseOnLeave(ids) {
    fetch(`${this.#base}release/`, {
      method: "POST",
      keepalive: true,
      credentials: "same-origin",
      headers: { ...this.#headers, "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({ items: ids }),
    }).catch(() => {
      // The lease runs out by itself.
    });
  }

  #post(path, body, options = {}) {
    return post(this.#base + path, body, { headers: this.#headers, ...options });
  }
}
