// The events of a run over a websocket: begins after the last event that is known, and comes back by itself.
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 10000;
const GONE = new Set([4401, 4403, 4404]);

export class RunSocket extends EventTarget {
  #delay = FIRST_DELAY_MS;
  #timer = 0;
  #done = false;
  #ended = false;
  #socket = null;

  /** `after()` gives the sequence number to go on behind. Fires `event` and `state` ("open", "lost", "gone"). */
  constructor(path, after) {
    super();
    this.path = path;
    this.after = after;
    this.wake = () => this.#retryNow();
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.#open();
  }

  close() {
    this.#done = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.#socket?.close();
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}?after=${this.after()}`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#delay = FIRST_DELAY_MS;
      this.#tell("state", "open");
    });
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      this.#ended ||= message.type === "ended";
      this.#tell("event", message);
    });
    socket.addEventListener("close", (event) => this.#lost(event.code));
  }

  #lost(code) {
    if (this.#done) {
      return;
    }
    if (this.#ended) {
      this.close();
      return;
    }
    if (GONE.has(code)) {
      this.#done = true;
      this.#tell("state", "gone");
      return;
    }
    this.#tell("state", "lost");
    this.#timer = setTimeout(() => this.#open(), this.#delay * (0.75 + Math.random() / 2));
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }

  #retryNow() {
    if (!this.#done && document.visibilityState === "visible" && this.#socket?.readyState === WebSocket.CLOSED) {
      clearTimeout(this.#timer);
      this.#open();
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
