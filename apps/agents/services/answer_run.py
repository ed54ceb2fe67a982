"""Running answers: asyncio tasks of the web process that no client's connection can end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from opentelemetry import trace

from apps.agents.models import Message, MessageState
from apps.agents.payloads import PREVIEW_CHARS, citation_payload, hit_payload
from apps.agents.runtime import (
    Event,
    Finished,
    PortError,
    RetrievalFinished,
    RetrievalStarted,
    ToolFinished,
    ToolStarted,
    cited,
    run,
)
from apps.agents.runtime.ports import Passage, Ports
from apps.agents.services.lease import lease_end
from apps.agents.services.model_call import version_attributes
from apps.agents.services.outcome import Outcome, close_answer, mark_streaming
from apps.agents.services.ports import ports_of
from apps.agents.services.turn import RunInput
from apps.agents.threads import in_thread
from apps.core.streams import Stream, StreamBrokenError, current_hub
from apps.providers.wire import ReasoningDelta, TextDelta
from apps.tracing import attributes
from apps.tracing.context import trace_context

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)

SWITCH_INTERVAL_S: Final = 0.0005


class AnswerRun:
    """One answer being written: runs the agent, puts its events on the ledger, closes the message."""

    def __init__(self, given: RunInput, owner: str, stream: Stream, ports: Ports) -> None:
        self._given = given
        self._owner = owner
        self._stream = stream
        self._ports = ports
        self._started = time.monotonic()
        self._first_token: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._passages: list[Passage] = []
        self._notices: list[str] = []
        self._stopping = False
        self._begun = False
        self._trace_id = ""
        self.task: asyncio.Task[None] | None = None

    @property
    def message_id(self) -> UUID:
        """The answer's id, which is also its stream's."""
        return self._given.answer.pk

    def stop(self) -> None:
        """End the answer with what has been said."""
        if self.task is not None and not self._stopping:
            self._stopping = True
            # a task that is cancelled before its first step never runs, and would leave the message open
            if self._begun:
                self.task.cancel()

    def abandon(self) -> None:
        """End without a word: another process closed the message."""
        if self.task is not None:
            self.task.cancel()

    async def execute(self) -> None:
        """Write the answer to its end, whatever that is."""
        translation.activate(self._given.language)
        given = self._given
        with (
            trace_context(
                workspace_id=given.answer.workspace_id,
                session_id=given.answer.conversation_id,
                user_id=_person(given),
                source_type="agents.message",
                source_id=given.answer.pk,
                trace_name=given.agent.name,
            ),
            tracer.start_as_current_span(given.agent.name) as span,
        ):
            span.set_attributes(
                {
                    attributes.OBSERVATION_TYPE: "agent",
                    attributes.INPUT: given.question.content,
                    f"{attributes.METADATA_PREFIX}agent_id": str(given.agent.pk),
                    **version_attributes(given.prompt_version),
                }
            )
            self._trace_id = f"{span.get_span_context().trace_id:032x}"
            outcome = await self._outcome()
            span.set_attributes(_span_end(outcome))
            if outcome.state == MessageState.FAILED:
                span.set_status(trace.Status(trace.StatusCode.ERROR, outcome.error))
        await self._close(outcome)

    async def _outcome(self) -> Outcome:
        self._begun = True
        try:
            if self._stopping:
                return self._ended(MessageState.STOPPED)
            return await self._write()
        except asyncio.CancelledError:
            if self.task is not None:
                self.task.uncancel()
            return self._ended(MessageState.STOPPED if self._stopping else MessageState.INTERRUPTED)
        except PortError as error:
            return self._ended(MessageState.FAILED, error.sentence, error.code)
        except StreamBrokenError:
            logger.exception("The stream of answer %s broke.", self.message_id)
            return self._ended(MessageState.FAILED, _("The answer could not be stored."), "stream_broken")
        except Exception:
            logger.exception("Answer %s failed.", self.message_id)
            sentence = _(
                "Something went wrong while the answer was written. The server's log has the details."
            )
            return self._ended(MessageState.FAILED, sentence, "error")

    async def _write(self) -> Outcome:
        given, stream = self._given, self._stream
        await current_hub().ready()
        await stream.append("run.started", {"trace_id": self._trace_id})
        await in_thread(mark_streaming, given.answer.pk, self._owner, self._trace_id)
        events = run(given.spec, given.history, given.question.content, self._ports)
        async with aclosing(events):
            finished = await self._record(events)
        if finished is None:
            raise PortError(_("The model broke off before its answer was complete."), "model_broke_off")
        return self._completed(finished)

    async def _record(self, events: AsyncIterator[Event]) -> Finished | None:
        """Put a run's events on the ledger; returns the last one."""
        stream = self._stream
        async for event in events:
            if isinstance(event, TextDelta):
                if self._first_token is None:
                    self._first_token = time.monotonic()
                self._text.append(event.text)
                await stream.append_text("text.delta", event.text)
            elif isinstance(event, ReasoningDelta):
                self._reasoning.append(event.text)
                await stream.append_text("reasoning.delta", event.text)
            elif isinstance(event, Finished):
                return event
            else:
                await self._note(event)
        return None

    async def _note(self, event: Event) -> None:
        """Put a step that is neither text nor the end on the ledger."""
        if isinstance(event, RetrievalStarted):
            await self._stream.append("retrieval.started", {"query": event.query})
        elif isinstance(event, RetrievalFinished):
            self._passages = list(event.passages)
            self._notices = list(event.notices)
            await self._stream.append(
                "retrieval.finished",
                {
                    "hits": [hit_payload(n, passage) for n, passage in enumerate(self._passages, 1)],
                    "notices": self._notices,
                    "ms": round(event.seconds * 1000),
                },
            )
        elif isinstance(event, ToolStarted):
            data = {"id": event.id, "name": event.name, "arguments": event.arguments}
            await self._stream.append("tool.started", data)
        elif isinstance(event, ToolFinished):
            await self._stream.append(
                "tool.finished",
                {
                    "id": event.id,
                    "name": event.name,
                    "failed": event.failed,
                    "output": event.output[:PREVIEW_CHARS],
                    "ms": round(event.seconds * 1000),
                },
            )

    def _completed(self, finished: Finished) -> Outcome:
        outcome = self._ended(MessageState.COMPLETED)
        outcome.citations = [citation_payload(citation) for citation in finished.citations]
        outcome.values |= {
            "model_name": finished.model,
            "input_tokens": finished.usage.input_tokens,
            "output_tokens": finished.usage.output_tokens,
            "cost": finished.usage.cost,
        }
        return outcome

    def _ended(self, state: MessageState, error: str = "", code: str = "") -> Outcome:
        text = "".join(self._text)
        return Outcome(
            state=state,
            content=text,
            reasoning="".join(self._reasoning),
            error=error,
            error_code=code,
            citations=[citation_payload(c) for c in cited(text, self._passages)] if text else [],
            values={
                "trace_id": self._trace_id,
                "notices": self._notices,
                "model_name": self._given.model.name,
                "latency_ms": _ms(time.monotonic() - self._started),
                "ttft_ms": None if self._first_token is None else _ms(self._first_token - self._started),
            },
        )

    async def _close(self, outcome: Outcome) -> None:
        if outcome.state != MessageState.FAILED or outcome.error_code != "stream_broken":
            await self._stream.flush()
        await in_thread(close_answer, self.message_id, self._owner, outcome)


class AnswerRuns:
    """The answers that one event loop is writing. It keeps them alive and renews their leases."""

    def __init__(self) -> None:
        # The loop gives the interpreter lock away at each system call and waits this long to get it back
        # from a thread that computes; at the default 5 ms a few database threads hold up every token.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        # the name says which process held a lease when somebody looks at the table
        self.owner = f"{socket.gethostname()[:24]}:{uuid.uuid4().hex}"
        self._runs: dict[UUID, AnswerRun] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    def start(self, given: RunInput, ports: Ports | None = None) -> AnswerRun:
        """Begin writing an answer; returns at once."""
        hub = current_hub()
        stream = hub.open(given.answer.pk)
        answer = AnswerRun(given, self.owner, stream, ports or ports_of(given))
        self._runs[answer.message_id] = answer
        hub.on_command(answer.message_id, lambda name: answer.stop() if name == "stop" else None)
        loop = asyncio.get_running_loop()
        # a context of its own: the answer must not carry on what the request that began it had set
        answer.task = loop.create_task(
            self._run(answer), name=f"answer-{answer.message_id}", context=contextvars.Context()
        )
        if self._heartbeat is None or self._heartbeat.done():
            self._heartbeat = loop.create_task(
                self._beat(), name="answer-leases", context=contextvars.Context()
            )
        return answer

    def get(self, message_id: UUID) -> AnswerRun | None:
        """The running answer with this id, when this loop writes it."""
        return self._runs.get(message_id)

    async def wait(self, message_id: UUID) -> None:
        """Return when the answer is closed."""
        answer = self._runs.get(message_id)
        if answer is not None and answer.task is not None:
            await asyncio.wait({answer.task})

    async def _run(self, answer: AnswerRun) -> None:
        try:
            await answer.execute()
        except Exception:
            # the lease runs out and the sweeper closes the message
            logger.exception("Answer %s could not be closed.", answer.message_id)
        finally:
            self._runs.pop(answer.message_id, None)
            current_hub().on_command(answer.message_id, None)

    async def _beat(self) -> None:
        while self._runs:
            await asyncio.sleep(settings.ANSWER_HEARTBEAT_S)
            # answers that begin while the database works are not part of this round
            asked = dict(self._runs)
            try:
                kept, stopped = await in_thread(renew_leases, list(asked), self.owner)
            except Exception:
                logger.exception("Leases of answers could not be renewed.")
                continue
            for message_id, answer in asked.items():
                if message_id in stopped:
                    answer.stop()
                elif message_id not in kept:
                    answer.abandon()


def renew_leases(message_ids: list[UUID], owner: str) -> tuple[set[UUID], set[UUID]]:
    """Prolong the leases; returns the messages still held and those somebody wants stopped."""
    held = Message.objects.running().filter(pk__in=message_ids, lease_owner=owner)
    held.update(lease_until=lease_end())
    rows = list(held.values_list("pk", "stop_requested"))
    return {pk for pk, _stop in rows}, {pk for pk, stop in rows if stop}


_runs: WeakKeyDictionary[asyncio.AbstractEventLoop, AnswerRuns] = WeakKeyDictionary()


def current_runs() -> AnswerRuns:
    """The running answers of this event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _runs:
        _runs[loop] = AnswerRuns()
    return _runs[loop]


def _person(given: RunInput) -> str | None:
    conversation = given.answer.conversation
    if conversation.external_user:
        return conversation.external_user
    return str(conversation.user_id) if conversation.user_id else None


def _span_end(outcome: Outcome) -> Mapping[str, str | int]:
    ended: dict[str, str | int] = {
        attributes.OUTPUT: outcome.content or outcome.error,
        f"{attributes.METADATA_PREFIX}state": str(outcome.state),
    }
    if outcome.values.get("ttft_ms") is not None:
        ended[attributes.TTFT_MS] = outcome.values["ttft_ms"]
    return ended


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
