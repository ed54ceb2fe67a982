// A call of a model as events: an async generator of [type, data].
import { send } from "../../../core/js/http.js";

function* framesIn(text) {
  for (const frame of text.split("\n\n")) {
    const fields = Object.fromEntries(
      frame
        .split("\n")
        .filter((line) => line && !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    if (fields.event) {
      yield [fields.event, JSON.parse(fields.data)];
    }
  }
}

/** Post `body` and yield what comes back. Throws ApiError when it is refused; aborting `signal` ends the call. */
export async function* call(url, body, signal) {
  const response = await send(url, { json: body, signal, quiet: true, headers: { Accept: "text/event-stream, */*" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    rest += value;
    const end = rest.lastIndexOf("\n\n");
    if (end >= 0) {
      yield* framesIn(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
  }
}
