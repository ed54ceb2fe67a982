"""One call of a chat model with a trace of its own, streamed or whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from opentelemetry import trace

from apps.agents.models import PromptVersion
from apps.core.exceptions import FlywheelError
from apps.providers import gateway
from apps.providers.drivers import pool
from apps.providers.models import Model
from apps.providers.wire import ChatRequest, Completed, ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from apps.tracing import attributes
from apps.tracing.context import trace_context

tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call ready to be made; `services.prompt_execution` and `services.playground` put it together.

    name: of the trace. given: what the trace shows as its input. prompt_version: a number, 0 for none.
    """

    workspace_id: UUID
    model: Model
    request: ChatRequest
    name: str
    given: str = ""
    source_type: str = ""
    source_id: str = ""
    user_id: str = ""
    session_id: str = ""
    prompt_name: str = ""
    prompt_version: int = 0


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The first event: under which id the call is traced."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The last event: the whole answer (its usage carries the cost), and how long it took in milliseconds."""

    completed: Completed
    trace_id: str
    latency_ms: int
    ttft_ms: int | None


CallEvent = CallStarted | TextDelta | ReasoningDelta | ToolCallDelta | CallAnswered
Say = Callable[[CallEvent | None], None]


async def stream_call(call: ModelCall) -> AsyncGenerator[CallEvent, None]:
    """Make a call: `CallStarted`, deltas as they arrive, `CallAnswered`. Raises a `providers.exceptions.ModelError`.

    Closing the generator (wrap it in `contextlib.aclosing`) or cancelling its task ends the call at once; what was said
    until then stays in the trace.
    """
    events: asyncio.Queue[CallEvent | None] = asyncio.Queue()
    # a task of its own: a generator that yields inside of a trace context would leave it to its caller
    task = asyncio.get_running_loop().create_task(_write(call, events.put_nowait))
    try:
        while (event := await events.get()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def complete_call(call: ModelCall) -> CallAnswered:
    """The whole answer at once; see `stream_call`."""
    async with aclosing(stream_call(call)) as events:
        async for event in events:
            if isinstance(event, CallAnswered):
                return event
    raise AssertionError("A call ends with its answer or raises.")


def complete_call_sync(call: ModelCall) -> CallAnswered:
    """The same for synchronous code."""

    async def run() -> CallAnswered:
        try:
            return await complete_call(call)
        finally:
            # the loop ends with this call, and its connections with it
            await pool.close()

    return async_to_sync(run)()


async def _write(call: ModelCall, say: Say) -> None:
    """Make the call and say its events, None at the end whatever happens."""
    try:
        with (
            trace_context(
                workspace_id=call.workspace_id,
                session_id=call.session_id or None,
                user_id=call.user_id or None,
                source_type=call.source_type or None,
                source_id=call.source_id or None,
                trace_name=call.name,
            ),
            # what is raised here is said on the span below, in the words that people are told
            tracer.start_as_current_span(
                call.name, record_exception=False, set_status_on_exception=False
            ) as span,
        ):
            await _traced(call, span, say)
    finally:
        say(None)


async def _traced(call: ModelCall, span: trace.Span, say: Say) -> None:
    prompt = prompt_attributes(call.prompt_name, call.prompt_version)
    span.set_attributes({attributes.OBSERVATION_TYPE: "chain", attributes.INPUT: call.given, **prompt})
    trace_id = f"{span.get_span_context().trace_id:032x}"
    say(CallStarted(trace_id))
    spoken = _Spoken(say)
    try:
        async with aclosing(
            gateway.stream_chat(model=call.model, request=call.request, noted=prompt)
        ) as events:
            async for event in events:
                spoken.take(event)
    except FlywheelError as error:
        span.set_status(trace.Status(trace.StatusCode.ERROR, str(error.detail)))
        raise
    finally:
        span.set_attributes(spoken.described())
    if spoken.completed is None:
        raise AssertionError("A stream ends with Completed or raises.")
    say(CallAnswered(spoken.completed, trace_id, spoken.elapsed_ms(), spoken.ttft_ms))


class _Spoken:
    """What the model has said so far."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started = time.monotonic()
        self._text: list[str] = []
        self.completed: Completed | None = None
        self.ttft_ms: int | None = None

    def elapsed_ms(self) -> int:
        """Milliseconds since the call began."""
        return round((time.monotonic() - self._started) * 1000)

    def take(self, event: StreamEvent) -> None:
        """Keep an event, and pass it on."""
        if isinstance(event, Completed):
            self.completed = event
            return
        if self.ttft_ms is None:
            self.ttft_ms = self.elapsed_ms()
        if isinstance(event, TextDelta):
            self._text.append(event.text)
        self._say(event)

    def described(self) -> dict[str, str | int]:
        """For the span."""
        shown: dict[str, str | int] = {attributes.OUTPUT: self._output()}
        if self.ttft_ms is not None:
            shown[attributes.TTFT_MS] = self.ttft_ms
        return shown

    def _output(self) -> str:
        said = "".join(self._text)
        calls = self.completed.message.tool_calls if self.completed else ()
        return said or "\n".join(f"{call.name}({call.arguments})" for call in calls)


def version_attributes(version: PromptVersion | None) -> dict[str, str | int]:
    """The same for a version, with its prompt loaded; none without one."""
    return {} if version is None else prompt_attributes(version.prompt.name, version.number)


def prompt_attributes(name: str, version: int) -> dict[str, str | int]:
    """Attributes that say which prompt a call was made with; none without a name."""
    if not name:
        return {}
    return {attributes.PROMPT_NAME: name, **({attributes.PROMPT_VERSION: str(version)} if version else {})}
