// Exporting: choose format and version, see at once what fits and what is left out, get the file.
import { get, post } from "../../../core/js/http.js";
import { gettext, interpolate, ngettext } from "../../../core/js/i18n.js";
import { isFinal, setProgress, trackJob } from "../../../core/js/progress.js";

const $ = (id) => document.getElementById(id);

function paragraph(text, className) {
  const node = document.createElement("p");
  node.className = className;
  node.textContent = text;
  return node;
}

function rejectionList(rejections, total) {
  const list = document.createElement("ul");
  list.className = "export-rejections fw-small fw-stack fw-stack--small";
  for (const rejection of rejections) {
    const item = document.createElement("li");
    const place = document.createElement("a");
    place.className = "fw-link fw-mono";
    place.href = `?item=${rejection.item_id}#item-${rejection.item_id}`;
    place.textContent = rejection.item_id.slice(-8);
    item.append(place, ` ${rejection.sentence}`);
    list.append(item);
  }
  if (rejections.length < total) {
    const more = document.createElement("li");
    more.textContent = interpolate(gettext("… and %(count)s more"), { count: total - rejections.length });
    list.append(more);
  }
  return list;
}

export class ExportDialog {
  #config;
  #headers;
  #asked = 0;
  #stop = null;

  constructor(config, headers) {
    this.#config = config;
    this.#headers = headers;
    config.formats.forEach((format) => $("export-format").add(new Option(format.title, format.name)));
    if (config.current_items > 0) {
      $("export-version").add(new Option(this.#presentLabel(), ""));
    }
    config.versions.forEach((version) =>
      $("export-version").add(
        new Option(`v${version.number} · ${version.items}`, version.number, false, version.number === config.version),
      ),
    );
    $("export-format").addEventListener("change", () => this.#check());
    $("export-version").addEventListener("change", () => this.#check());
    $("export-dialog").querySelector("[data-close]").addEventListener("click", () => $("export-dialog").close());
    $("export-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
  }

  open() {
    $("export-dialog").showModal();
    this.#check();
  }

  #presentLabel() {
    const { changed, versions, current_items: items } = this.#config;
    const newest = versions[0]?.number ?? 0;
    const text = changed
      ? gettext("Present state · %(items)s (will be frozen as v%(number)s)")
      : gettext("Present state · %(items)s (same as v%(number)s)");
    return interpolate(text, { items, number: changed ? newest + 1 : newest });
  }

  #itemCount() {
    const number = $("export-version").value;
    const version = this.#config.versions.find((entry) => String(entry.number) === number);
    return version ? version.items : this.#config.current_items;
  }

  /** What the file would hold. Large datasets are checked while the file is written. */
  async #check() {
    this.#reset();
    const format = this.#config.formats.find((entry) => entry.name === $("export-format").value);
    $("export-format-help").textContent = format.description;
    const box = $("export-check");
    if (this.#itemCount() > this.#config.inline_items) {
      box.replaceChildren(
        paragraph(gettext("This is large: the file is written in the background, and checked on the way."), "fw-notice"),
      );
      return;
    }
    const turn = (this.#asked += 1);
    box.replaceChildren(paragraph(gettext("Checking…"), "fw-muted"));
    const query = new URLSearchParams({ format: format.name });
    if ($("export-version").value) {
      query.set("version", $("export-version").value);
    }
    const report = await get(`${this.#config.api}check/?${query}`, { headers: this.#headers });
    if (turn === this.#asked) {
      this.#showReport(report);
    }
  }

  #reset() {
    this.#stop?.();
    this.#stop = null;
    $("export-progress").hidden = true;
    $("export-download").hidden = true;
    $("export-start").hidden = false;
    $("export-start").disabled = false;
  }

  #showReport({ row_count: rows, rejected_count: rejected, rejections }) {
    const box = $("export-check");
    const fits = ngettext("%(count)s row fits the format.", "%(count)s rows fit the format.", rows);
    const nodes = [paragraph(interpolate(fits, { count: rows }), `fw-notice ${rows ? "fw-notice--ok" : "fw-notice--warn"}`)];
    if (rejected > 0) {
      const left = ngettext("%(count)s row is left out:", "%(count)s rows are left out:", rejected);
      nodes.push(paragraph(interpolate(left, { count: rejected }), "fw-strong"), rejectionList(rejections, rejected));
    }
    box.replaceChildren(...nodes);
    $("export-start").disabled = rows === 0;
  }

  async #start() {
    $("export-start").disabled = true;
    const body = { dataset: this.#config.dataset, format: $("export-format").value };
    if ($("export-version").value) {
      body.version = Number($("export-version").value);
    }
    let made;
    try {
      made = await post(this.#config.exports, body, { headers: this.#headers });
    } catch {
      $("export-start").disabled = false;
      return;
    }
    if (made.state === "completed") {
      this.#finish(made);
    } else {
      this.#follow(made);
    }
  }

  #follow(made) {
    $("export-progress").hidden = false;
    const show = async (job) => {
      setProgress($("export-bar"), job);
      $("export-progress-text").textContent =
        job.error || (job.total ? interpolate("%(done)s / %(total)s", job) : gettext("Waiting for a worker…"));
      if (isFinal(job.state)) {
        this.#finish(await get(`${this.#config.exports}${made.id}/`, { headers: this.#headers }));
      }
    };
    show({ state: "queued", done: 0, total: 0 });
    this.#stop = trackJob(made.job, show);
  }

  #finish(made) {
    if (made.state !== "completed") {
      $("export-start").disabled = false;
      return;
    }
    this.#showReport(made);
    $("export-start").hidden = true;
    $("export-download").hidden = false;
    $("export-download").href = made.download_url;
    $("export-download").focus();
  }
}
