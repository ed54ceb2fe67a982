// The chat's websocket: commands wait until the server is ready for them, so that none is lost.
import { LiveSocket } from "../../core/js/socket.js";

export class ChatSocket extends LiveSocket {
  #queue = [];

  /** `path` is the websocket's path. Fires `ready`, `message`, `state` ("open" | "lost" | "gone"). */
  constructor(path) {
    super(() => path);
  }

  /** Send a command, at once or when the connection is there. */
  send(command) {
    if (this.isOpen) {
      super.send(command);
    } else {
      this.#queue.push(command);
    }
  }

  take(message) {
    if (message.type !== "ready") {
      this.tell("message", message);
      return;
    }
    this.tell("ready", message);
    this.#queue.splice(0).forEach((command) => this.send(command));
  }
}
