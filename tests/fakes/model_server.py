"""An OpenAI-compatible model server for tests and benchmarks: real HTTP, real streaming, scripted answers.

What it does follows from the model name (`-` separates parameters), for every endpoint:

    echo            repeats the newest user message
    rag             quotes the nearest `[n]` passage of the prompt, with its mark
    tool            two tool calls, then a summary of what they gave
    reason          reasoning first, then text
    json            a JSON object
    shape           a JSON value that fits the request's response_format; small talk without one
    plain           400 for response_format, as servers without it
    empty           no text at all
    cached          echo; half of the prompt counts as cached
    stream-N        N tokens at once
    paced-N-RATE    N tokens, RATE a second, each `t<k>@<monotonic ns when sent> `
    slow-MS         first token after MS milliseconds
    stall-N         N tokens, then silence
    flaky[-N]       N (2) times 429 with Retry-After: 0, then echo
    overloaded-S    always 429 with Retry-After: S
    down            503
    badkey          401
    missing         404
    toolong         400, context length exceeded
    picky           400 for max_tokens, temperature and stream_options, as reasoning models and old servers do
    crash           502 with an HTML page
    truncate        connection dropped in the middle of the stream
    garbage         malformed SSE data
    failing         an error object in the middle of the stream
    nodone          the stream ends without [DONE]

Any other name echoes. `POST /script` with a list of answers (see `Answer`) sets what is said next.
`GET /state` shows the requests received. Run it alone with `python -m tests.fakes.model_server --port 9100`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.fakes.answers import Answer, answer_for, text_of
from tests.fakes.vectors import embed, similarity

DEFAULT_DIMENSIONS = 256
_STATUS_ANSWERS = {
    "down": Answer(status=503, error="The server is overloaded."),
    "badkey": Answer(status=401, error="Incorrect API key provided: sk-wrong."),
    "missing": Answer(status=404, error="The model does not exist."),
    "toolong": Answer(status=400, error="This model's maximum context length is 8192 tokens."),
}


@dataclass
class Received:
    """One request as the server saw it; `disconnected`: the client left before the answer was complete."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    disconnected: bool = False
    finished: bool = False


@dataclass
class State:
    """Everything the server remembers: requests, scripted answers, failures still to be given."""

    requests: deque[Received] = field(default_factory=lambda: deque(maxlen=10_000))
    scripted: deque[Answer] = field(default_factory=deque)
    failures: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Forgets all requests, scripts and counters."""
        self.requests.clear()
        self.scripted.clear()
        self.failures.clear()

    def next_answer(self, body: dict[str, Any]) -> Answer:
        """The first scripted answer that fits, else the behaviour of the model's name."""
        for answer in self.scripted:
            if answer.fits(body):
                self.scripted.remove(answer)
                return answer
        return answer_for(body)


STATE_KEY: web.AppKey[State] = web.AppKey("state", State)


def _params(body: dict[str, Any]) -> tuple[str, list[str]]:
    name, *params = str(body.get("model", "")).split("-")
    return name, params


def _failure(state: State, body: dict[str, Any]) -> Answer | None:
    """The HTTP error that the model's name asks for, if any."""
    name, params = _params(body)
    if name == "flaky":
        model = body["model"]
        state.failures[model] += 1
        if state.failures[model] <= int(params[0] if params else 2):
            return Answer(status=429, error="Rate limit reached.", headers={"Retry-After": "0"})
        state.failures[model] = 0
    if name == "overloaded":
        return Answer(status=429, error="Rate limit reached.", headers={"Retry-After": params[0]})
    if name == "picky":
        return _refusal(body)
    if name == "plain" and "response_format" in body:
        return Answer(status=400, error="Unknown parameter: 'response_format'.")
    return _STATUS_ANSWERS.get(name)


def _refusal(body: dict[str, Any]) -> Answer | None:
    hints = {
        "max_tokens": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0.5 with this model.",
        "stream_options": "Unrecognized request argument supplied: stream_options",
    }
    return next((Answer(status=400, error=hints[name]) for name in hints if name in body), None)


def _error_response(answer: Answer) -> web.Response:
    body = {"error": {"message": answer.error or "Failed.", "type": "error", "param": None, "code": None}}
    return web.json_response(body, status=answer.status, headers=answer.headers)


def _count(text: str) -> int:
    return max(1, len(text) // 4) if text else 0


def _usage(body: dict[str, Any], answer: Answer, sent: int | None = None) -> dict[str, Any]:
    if answer.usage is not None:
        return answer.usage
    prompt = sum(_count(text_of(m)) + 3 for m in body.get("messages", ()))
    reasoning = _count(answer.reasoning)
    completion = (sent if sent is not None else _count(answer.text)) + reasoning
    cached = prompt // 2 if _params(body)[0] == "cached" else 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def _tool_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"index": k, "id": f"call_{k}", "type": "function", "function": dict(call)}
        for k, call in enumerate(answer.tool_calls)
    ]


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool_calls else "stop"


class EventStream:
    """Writes server-sent events straight to the socket: the cheapest way Python has, for benchmarks' sake."""

    def __init__(self, request: web.Request, model: str) -> None:
        self.request = request
        self.head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
        self.response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )

    async def open(self) -> None:
        self.response.enable_chunked_encoding()
        await self.response.prepare(self.request)

    def raw(self, data: bytes) -> None:
        """Bytes in one HTTP chunk; raises when the client is gone."""
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, data: dict[str, Any]) -> None:
        self.raw(b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n")

    def delta(self, delta: dict[str, Any], finish: str | None = None) -> None:
        self.event({**self.head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def template(self) -> tuple[bytes, bytes]:
        """What stands before and after the text of a delta, so that a token costs no JSON encoding."""
        marker = "@@"
        data = {**self.head, "choices": [{"index": 0, "delta": {"content": marker}, "finish_reason": None}]}
        before, after = json.dumps(data).encode().split(marker.encode())
        return b"data: " + before, after + b"\n\n"

    async def close(self) -> None:
        await self.response.write_eof()

    def drop(self) -> None:
        """Cuts the connection as a crashed server does."""
        if self.request.transport is not None:
            self.request.transport.abort()


async def _paced(stream: EventStream, count: int, rate: float) -> None:
    before, after = stream.template()
    start = time.monotonic()
    for k in range(count):
        pause = start + k / rate - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        stream.raw(b"%bt%d@%d %b" % (before, k, time.monotonic_ns(), after))


async def _burst(stream: EventStream, count: int) -> None:
    before, after = stream.template()
    for start in range(0, count, 50):
        tokens = range(start, min(start + 50, count))
        stream.raw(b"".join(b"%bt%d %b" % (before, k, after) for k in tokens))
        await asyncio.sleep(0)


async def _say(stream: EventStream, answer: Answer) -> None:
    for word in answer.reasoning.split(" ") if answer.reasoning else ():
        stream.delta({"reasoning_content": word + " "})
    for piece in answer.pieces():
        stream.delta({"content": piece})
        await asyncio.sleep(0)
    for url in answer.images:
        stream.delta({"images": [{"type": "image_url", "image_url": {"url": url}}]})
    for call in _tool_calls(answer):
        arguments = call["function"]["arguments"]
        stream.delta({"tool_calls": [{**call, "function": {**call["function"], "arguments": ""}}]})
        for start in range(0, len(arguments), 5):
            part = {"index": call["index"], "function": {"arguments": arguments[start : start + 5]}}
            stream.delta({"tool_calls": [part]})


async def _misbehave(stream: EventStream, name: str) -> bool:
    """The ways a stream goes wrong in the middle; True when it is over."""
    stream.delta({"content": "Half of "})
    if name == "garbage":
        stream.raw(b'data: {"choices": [{"delta": {"content": "un\n\n')
        return False
    await asyncio.sleep(0.02)
    if name == "truncate":
        stream.drop()
    else:
        stream.event({"error": {"message": "The server had an error.", "type": "server_error", "code": 500}})
        await stream.close()
    return True


async def _stream_body(stream: EventStream, body: dict[str, Any], answer: Answer) -> None:
    name, params = _params(body)
    stream.delta({"role": "assistant", "content": ""})
    sent = None
    if name in ("truncate", "garbage", "failing"):
        if await _misbehave(stream, name):
            return
    elif name == "paced":
        sent = int(params[0])
        await _paced(stream, sent, float(params[1]))
    elif name in ("stream", "stall"):
        sent = int(params[0])
        await _burst(stream, sent)
        if name == "stall":
            await asyncio.sleep(3600)
    else:
        await _say(stream, answer)
    stream.delta({}, _finish_reason(answer))
    if (body.get("stream_options") or {}).get("include_usage"):
        stream.event({**stream.head, "choices": [], "usage": _usage(body, answer, sent)})
    if name != "nodone":
        stream.raw(b"data: [DONE]\n\n")
    await stream.close()


def _complete_body(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    name, params = _params(body)
    text = "".join(f"t{k} " for k in range(int(params[0]))) if name == "stream" else answer.text
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            {k: v for k, v in call.items() if k != "index"} for call in _tool_calls(answer)
        ]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {"index": 0, "message": message, "finish_reason": _finish_reason(answer), "logprobs": None}
        ],
        "usage": _usage(body, answer),
    }


async def _receive(request: web.Request) -> Received:
    text = await request.text()
    received = Received(
        path=request.path,
        headers=dict(request.headers),
        body=json.loads(text) if text else {},
        at=time.monotonic(),
    )
    request.app[STATE_KEY].requests.append(received)
    return received


@contextlib.asynccontextmanager
async def _watch(received: Received) -> AsyncIterator[None]:
    """Notes whether the client stayed to the end of the answer; one that left is no error here."""
    try:
        yield
    except ConnectionResetError:
        received.disconnected = True
    except asyncio.CancelledError:
        received.disconnected = True
        raise
    else:
        received.finished = True


async def _before_first_token(body: dict[str, Any], answer: Answer) -> None:
    name, params = _params(body)
    await asyncio.sleep(int(params[0]) / 1000 if name == "slow" else answer.delay_s)


async def chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    received = await _receive(request)
    state, body = request.app[STATE_KEY], received.body
    if _params(body)[0] == "crash":
        return web.Response(
            status=502, text="<html><body>Bad gateway</body></html>", content_type="text/html"
        )
    answer = _failure(state, body) or state.next_answer(body)
    if answer.status != 200:
        return _error_response(answer)
    if not body.get("stream"):
        async with _watch(received):
            await _before_first_token(body, answer)
        return web.json_response(_complete_body(body, answer))
    stream = EventStream(request, str(body.get("model")))
    async with _watch(received):
        await _before_first_token(body, answer)
        await stream.open()
        await _stream_body(stream, body, answer)
    return stream.response


async def embeddings(request: web.Request) -> web.Response:
    """POST /v1/embeddings; `dimensions` and base64 like OpenAI."""
    received = await _receive(request)
    body = received.body
    failure = _failure(request.app[STATE_KEY], body)
    if failure:
        return _error_response(failure)
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = []
    for index, text in enumerate(texts):
        vector: Any = embed(text, body.get("dimensions") or DEFAULT_DIMENSIONS)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    used = sum(_count(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    received.finished = True
    return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})


async def rerank(request: web.Request) -> web.Response:
    """POST /v1/rerank and /v2/rerank (Cohere, Jina) or /rerank (TEI: `texts` in, a bare list out)."""
    received = await _receive(request)
    body = received.body
    failure = _failure(request.app[STATE_KEY], body)
    if failure:
        return _error_response(failure)
    documents = body.get("documents") or body.get("texts") or []
    texts = [d if isinstance(d, str) else d.get("text", "") for d in documents]
    query = embed(body["query"], DEFAULT_DIMENSIONS)
    scores = [(similarity(query, embed(text, DEFAULT_DIMENSIONS)), index) for index, text in enumerate(texts)]
    ranked = sorted(scores, key=lambda entry: (-entry[0], entry[1]))[: body.get("top_n") or len(texts)]
    received.finished = True
    if "texts" in body:
        return web.json_response([{"index": index, "score": score} for score, index in ranked])
    results = [{"index": index, "relevance_score": score} for score, index in ranked]
    return web.json_response(
        {"id": "rr-1", "model": body.get("model"), "results": results, "usage": {"total_tokens": 12}}
    )


async def models(request: web.Request) -> web.Response:
    """GET /v1/models; a key that ends in `wrong` is refused."""
    await _receive(request)
    if request.headers.get("Authorization", "").endswith("wrong"):
        return _error_response(_STATUS_ANSWERS["badkey"])
    names = ["echo", "rag", "tool", "reason", "embed-small", "rerank-base"]
    return web.json_response(
        {"object": "list", "data": [{"id": n, "object": "model", "owned_by": "fake"} for n in names]}
    )


async def script(request: web.Request) -> web.Response:
    """POST /script: a list of answers to give next."""
    answers = await request.json()
    request.app[STATE_KEY].scripted.extend(Answer.parse(answer) for answer in answers)
    return web.json_response({"scripted": len(request.app[STATE_KEY].scripted)})


async def reset(request: web.Request) -> web.Response:
    """POST /reset: forget requests and scripts."""
    request.app[STATE_KEY].reset()
    return web.json_response({})


async def show_state(request: web.Request) -> web.Response:
    """GET /state: the requests received so far, newest last."""
    state = request.app[STATE_KEY]
    requests = [{"path": r.path, "body": r.body, "disconnected": r.disconnected} for r in state.requests]
    return web.json_response({"requests": requests, "scripted": len(state.scripted)})


def build_app(state: State) -> web.Application:
    """The server as an aiohttp application over the given state."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[STATE_KEY] = state
    for prefix in ("/v1", ""):
        app.router.add_post(f"{prefix}/chat/completions", chat)
        app.router.add_post(f"{prefix}/embeddings", embeddings)
        app.router.add_post(f"{prefix}/rerank", rerank)
        app.router.add_get(f"{prefix}/models", models)
    app.router.add_post("/v2/rerank", rerank)
    app.router.add_post("/script", script)
    app.router.add_post("/reset", reset)
    app.router.add_get("/state", show_state)
    return app


async def _serve(state: State, port: int) -> tuple[web.AppRunner, int]:
    # handler_cancellation: a handler is cancelled when its client leaves, so tests can see that it left.
    runner = web.AppRunner(build_app(state), access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    return runner, runner.addresses[0][1]


class ModelServer:
    """The server on a thread of its own, with a handle for tests. Use as a context manager."""

    api_key = "sk-fake-key"

    def __init__(self) -> None:
        self.state = State()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-model-server", daemon=True)

    @property
    def base_url(self) -> str:
        """What a provider's base URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[Received]:
        """The requests received since the last reset, oldest first."""
        return list(self.state.requests)

    def script(self, *answers: str | dict[str, Any] | Answer) -> None:
        """The next answers: a string, or a dict with the fields of `Answer`."""
        self.state.scripted.extend(Answer.parse(answer) for answer in answers)

    def reset(self) -> None:
        """Forgets requests, scripts and counters."""
        self.state.reset()

    def wait_for(self, condition: Any, timeout_s: float = 5.0) -> bool:
        """Waits until `condition(requests)` holds; False when it never did."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if condition(self.requests):
                return True
            time.sleep(0.01)
        return False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner, self.port = self._loop.run_until_complete(_serve(self.state, 0))
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def __enter__(self) -> ModelServer:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("The fake model server did not start.")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="session")
def _model_server_thread() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def model_server(_model_server_thread: ModelServer) -> Iterator[ModelServer]:
    """The fake model server (one per test session), reset before each test."""
    _model_server_thread.reset()
    yield _model_server_thread
    _model_server_thread.reset()


async def _main(port: int) -> None:
    runner, bound = await _serve(State(requests=deque(maxlen=200)), port)
    print(f"http://127.0.0.1:{bound}/v1", flush=True)  # noqa: T201 - the caller reads the address
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Command line: prints the base URL and serves until it is stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    args = parser.parse_args()
    try:
        import uvloop
    except ImportError:
        run: Any = asyncio.run
    else:
        run = uvloop.run
    with contextlib.suppress(KeyboardInterrupt):
        run(_main(args.port))


if __name__ == "__main__":
    main()
