// A websocket that comes back by itself: at once when the page is seen again or the network returns, else ever later.
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 10000;
/** Close codes after which nobody knocks again: not signed in, not allowed, not there. */
const GONE = new Set([4401, 4403, 4404]);

export class LiveSocket extends EventTarget {
  #path;
  #socket = null;
  #delay = FIRST_DELAY_MS;
  #timer = 0;
  #closed = false;
  #greeted = false;
  #wake = () => this.#retryNow();

  /** `path()` is the address of each connection. Fires `message` and `state` ("open" | "lost" | "gone"). */
  constructor(path) {
    super();
    this.#path = path;
    addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Send a command; only while the connection is open. */
  send(command) {
    this.#socket.send(JSON.stringify(command));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#socket?.close();
  }

  /** For subclasses: what becomes of a message. */
  take(message) {
    this.tell("message", message);
  }

  /** For subclasses: whether all has been said, so that nobody has to knock again. */
  get isOver() {
    return false;
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.#path()}`);
    this.#socket = socket;
    this.#greeted = false;
    socket.addEventListener("message", (event) => this.#received(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#lost(event.code));
  }

  #received(message) {
    // a server that accepts only to close with a code has not let us in: its first message says that it has
    if (!this.#greeted) {
      this.#greeted = true;
      this.#delay = FIRST_DELAY_MS;
      this.tell("state", "open");
    }
    this.take(message);
  }

  #lost(code) {
    if (this.#closed) {
      return;
    }
    if (this.isOver) {
      this.close();
      return;
    }
    if (GONE.has(code)) {
      this.close();
      this.tell("state", "gone");
      return;
    }
    this.tell("state", "lost");
    // jitter: after a restart of the server not every open page knocks in the same moment
    this.#timer = setTimeout(() => this.#open(), this.#delay * (0.75 + Math.random() / 2));
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }

  #retryNow() {
    if (!this.#closed && document.visibilityState === "visible" && this.#socket?.readyState === WebSocket.CLOSED) {
      clearTimeout(this.#timer);
      this.#delay = FIRST_DELAY_MS;
      this.#open();
    }
  }
}
