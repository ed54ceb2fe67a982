// Keeping the session at the server: soon after each change, and when the page is left.
import { destroy, patch, post } from "../../../core/js/http.js";
import { confirm, prompt } from "../../../core/js/dialog.js";
import { gettext } from "../../../core/js/i18n.js";
import { localTime } from "../../../core/js/time.js";

const PAUSE_MS = 800;
const SHORT = { dateStyle: "medium", timeStyle: "short" };

export class Session {
  #timer = 0;
  #saving = null;

  constructor(config, state, { select, rename, remove, note }) {
    this.config = config;
    this.state = state;
    this.known = config.session;
    this.controls = { select, rename, remove, note };
    for (const session of config.sessions) {
      this.#offer(session);
    }
    select.addEventListener("change", () => this.#open(select.value));
    rename.addEventListener("click", () => this.#rename());
    remove.addEventListener("click", () => this.#remove());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.#timer) {
        this.save().catch(() => {});
      }
    });
    this.#draw();
  }

  /** Save soon. */
  touch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save().catch(() => {}), PAUSE_MS);
  }

  /** Save now, after a save that is under way; resolves to the session's id. */
  async save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    await this.#saving?.catch(() => {});
    this.#saving = this.#store();
    try {
      await this.#saving;
      this.#say(gettext("Saved"));
    } catch (error) {
      this.#say(`${gettext("Not saved")}: ${error.message}`);
      throw error;
    } finally {
      this.#saving = null;
    }
    return this.known.id;
  }

  /** The session's id, made when there is none; null when it can't be saved. */
  async id() {
    if (this.known) {
      return this.known.id;
    }
    return this.save().catch(() => null);
  }

  async #store() {
    if (this.known) {
      await patch(this.#address(), { state: this.state }, { quiet: true });
      return;
    }
    const made = await post(this.config.urls.sessions, { state: this.state }, { quiet: true });
    this.known = { id: made.id, name: made.name };
    this.#offer({ ...this.known, updated: made.updated_at });
    history.replaceState(null, "", `${this.config.urls.page}?session=${made.id}`);
    this.#draw();
  }

  #address() {
    return `${this.config.urls.sessions}${this.known.id}/`;
  }

  #offer({ id, name, updated }) {
    const option = document.createElement("option");
    option.value = id;
    option.textContent = name || localTime(updated, SHORT);
    this.controls.select.append(option);
  }

  #draw() {
    const { select, rename, remove } = this.controls;
    select.value = this.known?.id ?? "";
    rename.disabled = remove.disabled = !this.known;
  }

  #say(text) {
    this.controls.note.textContent = text;
  }

  async #open(id) {
    await this.save().catch(() => {});
    location.assign(id ? `${this.config.urls.page}?session=${id}` : `${this.config.urls.page}?new`);
  }

  async #rename() {
    const name = await prompt({ title: gettext("Name of the session"), label: gettext("Name"), value: this.known.name });
    if (name !== null) {
      const renamed = await patch(this.#address(), { name });
      this.known.name = renamed.name;
      const option = this.controls.select.querySelector(`option[value="${renamed.id}"]`);
      option.textContent = renamed.name || localTime(renamed.updated_at, SHORT);
    }
  }

  async #remove() {
    if (await confirm({ title: gettext("Delete this session?"), danger: true })) {
      clearTimeout(this.#timer);
      await destroy(this.#address());
      location.assign(this.config.urls.page);
    }
  }
}
