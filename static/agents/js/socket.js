// The chat's websocket: reconnects by itself and says where to go on, so that no token is lost or shown twice.
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 10000;
const NOT_FOUND = 4404;
const NOT_SIGNED_IN = 4401;

export class ChatSocket extends EventTarget {
  #path;
  #socket = null;
  #queue = [];
  #delay = FIRST_DELAY_MS;
  #timer = 0;
  #closed = false;

  /** `path` is the websocket's path. Fires `ready`, `message`, `state` ("open" | "waiting" | "gone"). */
  constructor(path) {
    super();
    this.#path = path;
    this.#open();
    this.wake = () => this.#retryNow();
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
  }

  /** Send a command, at once or when the connection is there. */
  send(command) {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(command));
    } else {
      this.#queue.push(command);
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.#socket?.close();
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.#path}`);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#received(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#lost(event.code));
  }

  #received(message) {
    if (message.type === "ready") {
      this.#delay = FIRST_DELAY_MS;
      this.#tell("state", "open");
      this.#tell("ready", message);
      this.#queue.splice(0).forEach((command) => this.send(command));
      return;
    }
    this.#tell("message", message);
  }

  #lost(code) {
    if (this.#closed) {
      return;
    }
    if (code === NOT_FOUND || code === NOT_SIGNED_IN) {
      this.#closed = true;
      this.#tell("state", "gone");
      return;
    }
    this.#tell("state", "waiting");
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

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
