// Live events over one websocket per page: subscribe(topic, (type, data) => …) returns the function that ends it.
// Client → server: {"action": "subscribe" | "unsubscribe", "topics": […]}
// Server → client: {"topic", "type", "data"}, or {"type": "denied", "topic"} for a topic the user may not read.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20000;

class EventClient {
  #socket = null;
  #handlers = new Map();
  #reopenHandlers = new Set();
  #delay = FIRST_DELAY_MS;
  #timer = 0;
  #wasOpen = false;

  subscribe(topic, handler) {
    const handlers = this.#handlers.get(topic) ?? new Set();
    const isNew = handlers.size === 0;
    handlers.add(handler);
    this.#handlers.set(topic, handlers);
    if (isNew) {
      this.#send("subscribe", [topic]);
    }
    this.#open();
    return () => this.#drop(topic, handler);
  }

  /** Called after each reconnection: events of the time in between are lost, so load the state again. */
  onReopen(handler) {
    this.#reopenHandlers.add(handler);
    return () => this.#reopenHandlers.delete(handler);
  }

  #drop(topic, handler) {
    const handlers = this.#handlers.get(topic);
    if (!handlers?.delete(handler) || handlers.size > 0) {
      return;
    }
    this.#handlers.delete(topic);
    this.#send("unsubscribe", [topic]);
  }

  #open() {
    if (this.#socket || this.#timer) {
      return;
    }
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/events/`);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("message", (event) => this.#received(event.data));
    socket.addEventListener("close", () => this.#closed());
  }

  #opened() {
    this.#delay = FIRST_DELAY_MS;
    this.#send("subscribe", [...this.#handlers.keys()]);
    if (this.#wasOpen) {
      this.#reopenHandlers.forEach((handler) => handler());
    }
    this.#wasOpen = true;
  }

  #closed() {
    this.#socket = null;
    if (this.#handlers.size === 0) {
      return;
    }
    // Jitter: after a restart of the server not every open page knocks in the same moment.
    const wait = this.#delay * (0.75 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#open();
    }, wait);
  }

  #received(text) {
    const message = JSON.parse(text);
    if (message.type === "subscribed" || message.type === "error") {
      return;
    }
    if (message.type === "denied") {
      this.#handlers.get(message.topic)?.forEach((handler) => handler("denied", {}));
      return;
    }
    this.#handlers.get(message.topic)?.forEach((handler) => handler(message.type, message.data));
  }

  #send(action, topics) {
    if (topics.length > 0 && this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ action, topics }));
    }
  }
}

// One client per page, also when this module was loaded under two addresses (hashed and plain).
const client = (globalThis.flywheelEvents ??= new EventClient());

export const subscribe = (topic, handler) => client.subscribe(topic, handler);
export const onReopen = (handler) => client.onReopen(handler);
