// The events of a run over a websocket: begins after the last event that is known, and ends with the run.
import { LiveSocket } from "../../../core/js/socket.js";

export class RunSocket extends LiveSocket {
  #ended = false;

  /** `after()` gives the sequence number to go on behind. Fires `event` and `state` ("open" | "lost" | "gone"). */
  constructor(path, after) {
    super(() => `${path}?after=${after()}`);
  }

  get isOver() {
    return this.#ended;
  }

  take(message) {
    this.#ended ||= message.type === "ended";
    this.tell("event", message);
  }
}
