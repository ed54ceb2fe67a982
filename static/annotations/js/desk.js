// The annotation desk: one page, items come and go through the API. The item after this one is fetched ahead.
import { prompt } from "../../core/js/dialog.js";
import { subscribe } from "../../core/js/events.js";
import { gettext, interpolate, ngettext } from "../../core/js/i18n.js";
import { DeskApi } from "./desk/api.js";
import { Clock } from "./desk/clock.js";
import { renderConversation } from "./desk/conversation.js";
import { dropDraft, readDraft, writeDraft } from "./desk/drafts.js";
import { BLANK, DeskForm, isBlank, isSame } from "./desk/form.js";
import { bindKeys } from "./desk/keys.js";

const HEARTBEAT_MS = 45000;

const $ = (id) => document.getElementById(id);

class Desk {
  #config = JSON.parse($("desk-config").textContent);
  #api = new DeskApi(this.#config.api, this.#config.workspace);
  #form = new DeskForm($("desk-form"), () => this.#edited());
  #clock = new Clock();
  /** Ids in the order they were seen: judged before, then this session's. */
  #trail = [];
  #place = -1;
  #item = null;
  #ahead = null;
  #fetching = null;
  #held = new Set();
  #busy = false;
  #lost = false;

  async start() {
    this.#showProgress(this.#config.progress);
    this.#bind();
    this.#trail = await this.#api.recent();
    if (this.#config.item) {
      await this.#open(this.#config.item);
    } else {
      await this.#advance();
    }
  }

  // -- moving ------------------------------------------------------------------------------------------------------

  /** On to an item nobody has judged yet. */
  async #advance() {
    const item = (await this.#takeAhead()) ?? (await this.#api.next([...this.#held]));
    if (!item) {
      this.#showDone();
      return;
    }
    this.#held.add(item.id);
    if (!this.#trail.includes(item.id)) {
      this.#trail.push(item.id);
    }
    this.#place = this.#trail.indexOf(item.id);
    this.#show(item);
    this.#fetchAhead();
  }

  async #takeAhead() {
    await this.#fetching;
    const item = this.#ahead;
    this.#ahead = null;
    return item;
  }

  #fetchAhead() {
    if (this.#ahead || this.#fetching) {
      return;
    }
    this.#fetching = this.#api
      .next([...this.#held], { quiet: true })
      .then((item) => {
        this.#ahead = item;
        if (item) {
          this.#held.add(item.id);
        }
      })
      .catch(() => {
        // The item is asked for again, and the error shown, when it is needed.
      })
      .finally(() => {
        this.#fetching = null;
      });
  }

  /** An item by id: one seen before, or one the address asks for. */
  async #open(id) {
    const item = await this.#api.item(id);
    if (!this.#trail.includes(id)) {
      this.#trail.push(id);
    }
    this.#place = this.#trail.indexOf(id);
    this.#show(item);
  }

  #previous() {
    return this.#exclusively(async () => {
      if (this.#place > 0) {
        await this.#open(this.#trail[this.#place - 1]);
      }
    });
  }

  #following() {
    return this.#exclusively(() => this.#forward());
  }

  async #forward() {
    if (this.#place < this.#trail.length - 1) {
      await this.#open(this.#trail[this.#place + 1]);
    } else if (!this.#item || !this.#held.has(this.#item.id)) {
      await this.#advance();
    }
  }

  // -- judging -----------------------------------------------------------------------------------------------------

  #submit() {
    return this.#exclusively(async () => {
      const values = this.#form.values;
      if (!this.#item || this.#lost) {
        return;
      }
      if (isBlank(values)) {
        // Beside the button that was pressed: a toast would cover it.
        $("desk-note").textContent = gettext("Give a verdict, a label, a correction or a comment.");
        this.#announce($("desk-note").textContent);
        return;
      }
      const result = await this.#api.submit(this.#item.id, { ...values, duration_ms: this.#clock.milliseconds });
      this.#leave(this.#item.id);
      this.#showProgress(result.progress);
      await this.#onward();
    });
  }

  #skip() {
    return this.#exclusively(async () => {
      if (!this.#item || this.#lost) {
        return;
      }
      const reason = await prompt({
        title: gettext("Skip this item"),
        label: gettext("Why can't it be judged? (optional)"),
        confirmLabel: gettext("Skip"),
      });
      if (reason === null) {
        return;
      }
      await this.#api.skip(this.#item.id, reason);
      this.#leave(this.#item.id);
      await this.#onward();
    });
  }

  #leave(id) {
    dropDraft(id);
    this.#held.delete(id);
    this.#item = null;
  }

  async #onward() {
    if (this.#place < this.#trail.length - 1) {
      await this.#open(this.#trail[this.#place + 1]);
    } else {
      await this.#advance();
    }
  }

  /** One thing at a time: a second key press while a request runs does nothing. */
  async #exclusively(work) {
    if (this.#busy) {
      return;
    }
    this.#busy = true;
    $("desk-submit").setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      if (error.code === "item_taken") {
        this.#showLost();
      }
      // http.js has told the person; anything else is a fault of this page.
      if (error.name !== "ApiError") {
        throw error;
      }
    } finally {
      this.#busy = false;
      $("desk-submit").removeAttribute("aria-busy");
    }
  }

  // -- showing -----------------------------------------------------------------------------------------------------

  #show(item) {
    this.#item = item;
    this.#lost = false;
    $("desk").dataset.view = "item";
    $("desk-lost").hidden = true;
    this.#form.setEnabled(true);
    renderConversation($("desk-context"), item);
    this.#form.fill(readDraft(item.id) ?? item.annotation ?? BLANK, this.#original());
    this.#clock.restart();
    this.#refresh();
    $("desk-form").querySelector(".desk-panel__scroll").scrollTop = 0;
    $("desk-judged")?.focus({ preventScroll: true });
    this.#announce(
      item.annotation ? gettext("You judged this answer before.") : gettext("Next answer. It has the focus."),
    );
  }

  #showDone() {
    this.#item = null;
    const open = this.#config.progress.open;
    $("desk").dataset.view = "done";
    $("desk-done-title").textContent = open > 0 ? gettext("Nothing left for you") : gettext("The queue is done");
    $("desk-done-text").textContent =
      open > 0
        ? interpolate(
            ngettext(
              "%(count)s item is with somebody else or waits for another person. If it comes back, it appears here.",
              "%(count)s items are with somebody else or wait for another person. What comes back appears here.",
              open,
            ),
            { count: open },
          )
        : gettext("Every answer in this queue has been judged or skipped. Thank you.");
    $("desk-review").hidden = this.#trail.length === 0;
    this.#place = this.#trail.length;
    this.#refresh();
    $("desk-done").focus();
    this.#announce($("desk-done-title").textContent);
  }

  #showLost() {
    this.#lost = true;
    this.#held.delete(this.#item?.id);
    $("desk-lost").hidden = false;
    $("desk-submit").disabled = true;
    $("desk-skip").disabled = true;
    this.#refresh();
  }

  #showProgress(progress) {
    this.#config.progress = progress;
    const handled = progress.done + progress.skipped;
    $("desk-bar").max = Math.max(progress.total, 1);
    $("desk-bar").value = handled;
    const text = gettext("%(handled)s of %(total)s");
    const skipped = progress.skipped ? ` · ${interpolate(gettext("%(count)s skipped"), { count: progress.skipped })}` : "";
    $("desk-counts").textContent = interpolate(text, { handled, total: progress.total }) + skipped;
  }

  /** Buttons and the note, after anything changed. */
  #refresh() {
    $("desk-previous").disabled = this.#place <= 0;
    const atEnd = this.#place >= this.#trail.length - 1;
    $("desk-following").disabled = atEnd && Boolean(this.#item) && this.#held.has(this.#item?.id);
    const judged = Boolean(this.#item?.annotation);
    $("desk-submit-text").textContent = judged ? gettext("Save & next") : gettext("Submit & next");
    $("desk-note").textContent = this.#isDirty() ? gettext("Not submitted") : judged ? gettext("Submitted") : "";
  }

  #announce(text) {
    $("desk-announcer").textContent = text;
  }

  #original() {
    return this.#item.messages.find((message) => message.id === this.#item.message)?.content ?? "";
  }

  // -- drafts, leases, events --------------------------------------------------------------------------------------

  #isDirty() {
    return Boolean(this.#item) && !isSame(this.#form.values, this.#item.annotation ?? BLANK);
  }

  #edited() {
    if (this.#item) {
      if (this.#isDirty()) {
        writeDraft(this.#item.id, this.#form.values);
      } else {
        dropDraft(this.#item.id);
      }
      this.#refresh();
    }
  }

  async #heartbeat() {
    if (this.#held.size === 0) {
      return;
    }
    const asked = [...this.#held];
    let kept;
    try {
      kept = new Set(await this.#api.keep(asked));
    } catch {
      return; // The next beat may get through; the lease outlasts three of them.
    }
    for (const id of asked.filter((held) => !kept.has(held))) {
      this.#held.delete(id);
      if (this.#ahead?.id === id) {
        this.#ahead = null;
      }
      if (this.#item?.id === id) {
        this.#showLost();
      }
    }
  }

  #progressed(progress) {
    this.#showProgress(progress);
    if ($("desk").dataset.view === "done" && progress.open > 0) {
      this.#exclusively(() => this.#advance());
    }
  }

  #bind() {
    $("desk-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    $("desk-skip").addEventListener("click", () => this.#skip());
    $("desk-previous").addEventListener("click", () => this.#previous());
    $("desk-following").addEventListener("click", () => this.#following());
    $("desk-review").addEventListener("click", () => this.#previous());
    $("desk-help-open").addEventListener("click", () => $("desk-help").showModal());
    rememberOpen($("desk-instructions"), `annotations.instructions.${this.#config.topic}`);
    bindKeys({
      good: () => this.#item && this.#form.judge("up"),
      bad: () => this.#item && this.#form.judge("down"),
      label: (key) => this.#item && this.#form.toggleKey(key),
      edit: () => this.#item && this.#form.editCorrection(),
      comment: () => this.#item && this.#form.comment(),
      submit: () => this.#submit(),
      skip: () => this.#skip(),
      previous: () => this.#previous(),
      following: () => this.#following(),
      help: () => $("desk-help").showModal(),
      leave: () => $("desk-judged")?.focus({ preventScroll: true }),
    });
    addEventListener("beforeunload", (event) => {
      if (this.#isDirty()) {
        event.preventDefault();
      }
    });
    addEventListener("pagehide", () => {
      if (this.#held.size > 0) {
        this.#api.releaseOnLeave([...this.#held]);
      }
    });
    // A page taken out of the browser's history gave its items back when it was left.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
    subscribe(this.#config.topic, (type, data) => type === "progress" && this.#progressed(data));
  }
}

/** A <details> that stays as the person left it. */
function rememberOpen(details, key) {
  if (!details) {
    return;
  }
  details.open = localStorage.getItem(key) !== "closed";
  details.addEventListener("toggle", () => localStorage.setItem(key, details.open ? "open" : "closed"));
}

new Desk().start();
