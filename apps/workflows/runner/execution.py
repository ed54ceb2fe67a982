"""One run in this process: from its claim to its end, to a wait, or to another process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from django.conf import settings

from apps.agents.threads import in_thread
from apps.core.exceptions import FlywheelError
from apps.core.streams import Stream, StreamBrokenError, StreamTakenError, current_hub
from apps.workflows import engine
from apps.workflows.dsl import DocumentError
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.events import Event
from apps.workflows.runner import queue
from apps.workflows.runner.closing import Closing
from apps.workflows.runner.graphs import Compiled
from apps.workflows.runner.journal import LedgerJournal
from apps.workflows.runner.ports import ports_of
from apps.workflows.runner.queue import Claimed
from apps.workflows.runner.tracing import RunTrace
from apps.workflows.runner.variables import environment, system_variables
from apps.workflows.services import chat, run_wait
from apps.workflows.services.document import secret_names

if TYPE_CHECKING:
    from apps.workflows.runner.executor import Executor

logger = logging.getLogger(__name__)

_STATES: Final = {"run.failed": "failed", "run.stopped": "stopped"}


class Execution:
    """Drives the engine for one claimed run and writes its end."""

    def __init__(self, run: Claimed, executor: Executor) -> None:
        self.run = run
        self._executor = executor
        self._engine: engine.Run | None = None
        self._stream: Stream | None = None
        self._trace = RunTrace(run)
        self._started = time.monotonic()
        #: answers that the run has taken up, by path
        self._taken: Counter[str] = Counter()
        self._turn = chat.Turn()
        self._said: list[str] = []
        self._kept: dict[str, Any] = {}
        self._handing_over = False
        #: its end is being written: that it isn't held any more means nothing
        self.closing = False
        self._stop_reason: str | None = run.stop_reason if run.stop_requested else None
        self.task: asyncio.Task[None] | None = None

    @property
    def id(self) -> UUID:
        """The run's id, which is also its stream's."""
        return self.run.id

    # -- from outside

    def on_command(self, name: str) -> None:
        """Handle what another process says: `stop` or `answer`."""
        if name == "stop":
            self._executor.spawn(self._stop(), f"stop-{self.id}")
        elif name == "answer":
            self._executor.spawn(self._take_answers(), f"answer-{self.id}")

    def stop(self, reason: str) -> None:
        """End the run; what its nodes are doing is cancelled."""
        if self._stop_reason is None:
            self._stop_reason = reason
        if self._engine is not None:
            self._engine.cancel(reason)

    def abandon(self) -> None:
        """Leave without a word: somebody else holds the run, or will take it up."""
        self._handing_over = True
        if self.task is not None:
            self.task.cancel()

    # -- the way of a run

    async def execute(self) -> None:
        """Run to the end, to a wait, or until the run is taken away."""
        try:
            await self._execute()
        except StreamTakenError:
            # somebody who held the run before was faster: they stop at their next heartbeat, the run is taken anew
            logger.warning("Run %s is written by another process; leaving it.", self.id)
            await self._executor.give_back([self.id])
        except StreamBrokenError as error:
            logger.exception("The ledger of run %s broke.", self.id)
            await self._fail(
                "What the run tells could not be stored.", "ledger_broken", {"reason": str(error)}
            )
        except asyncio.CancelledError:
            if not self._handing_over:
                raise
        except DocumentError as error:
            await self._fail(str(error), "document_invalid", {})
        except NodeError as error:
            await self._fail(error.message, error.code, {})
        except FlywheelError as error:
            await self._fail(str(error.detail), error.code, {})
        except Exception:
            logger.exception("Run %s failed.", self.id)
            await self._fail(
                "Something went wrong outside of the nodes. The server's log has the details.", "internal", {}
            )
        finally:
            self._trace.abandon()

    async def _execute(self) -> None:
        run = self.run
        compiled = await self._executor.compiled(run)
        last, told = await self._ledger()
        if run.stalls >= settings.RUN_MAX_STALLS:
            await self._give_up(told)
            return
        self._stream = stream = current_hub().open(run.id, last + 1)
        journal = LedgerJournal(stream)
        with self._trace.session():
            before = await self._repeated() if not told and run.rerun_of_id else told
            await self._join_conversation()
            self._engine = self._new_engine(compiled, before, journal)
            if self._stop_reason is not None:
                self._engine.cancel(self._stop_reason)
            if told:
                await self._deliver_answers()
            self._executor.traced(self.id, self._trace.trace_id)
            await self._consume(self._engine, stream)
            await self._end(journal.last)

    async def _ledger(self) -> tuple[int, list[Event]]:
        if not self.run.last_seq:
            return 0, []
        last, rows = await self._executor.database.run(lambda connection: queue.ledger(connection, self.id))
        told = [Event(kind, data) for kind, data in rows]
        for event in told:
            self._hear(event)
            if event.type == "run.answered":
                self._taken[event.data["wait"]] += 1
        return last, told

    def _new_engine(self, compiled: Compiled, told: Sequence[Event], journal: LedgerJournal) -> engine.Run:
        run = self.run
        given = environment(run, compiled.document)
        self._trace.mask({name: given[name] for name in secret_names(compiled.document)})
        return engine.Run(
            compiled.graph,
            run_id=str(run.id),
            inputs=run.inputs,
            sys=system_variables(run, self._turn.dialogue_count),
            environment=given,
            conversation=self._conversation(compiled),
            ports=ports_of(run),
            limits=compiled.limits,
            state=self._state(compiled, told),
            journal=journal,
            observer=self._trace,
        )

    def _state(self, compiled: Compiled, told: Sequence[Event]) -> engine.RunState | None:
        run = self.run
        if not told:
            return None
        if run.last_seq:
            return engine.RunState.from_events(compiled.graph, told)
        return engine.RunState.rerun_from(compiled.graph, told, run.rerun_from, run.rerun_edits)

    async def _repeated(self) -> list[Event]:
        """What the run that this one repeats from a node has told; nothing when it is repeated as a whole."""
        run = self.run
        if not run.rerun_from or run.rerun_of_id is None:
            return []
        of = run.rerun_of_id
        _last, rows = await self._executor.database.run(lambda connection: queue.ledger(connection, of))
        if not rows:
            raise NodeError(
                "What the nodes of the repeated run did is not kept any more.", code="ledger_gone"
            )
        return [Event(kind, data) for kind, data in rows]

    # -- the conversation of a chatflow

    async def _join_conversation(self) -> None:
        run = self.run
        if run.conversation_id is None:
            return
        query = str(run.system.get("query") or "")
        self._turn = await in_thread(chat.begin_turn, run.id, run.conversation_id, query)

    async def _leave_conversation(self, kind: str, data: Mapping[str, Any]) -> None:
        run = self.run
        if run.conversation_id is None:
            return
        spoken = chat.Spoken(
            text="".join(self._said),
            state=_STATES.get(kind, "completed"),
            trace_id=self._trace.trace_id,
            usage=data.get("usage") or {},
            ms=round(data.get("ms") or 0),
            error=str((data.get("error") or {}).get("message", "")),
        )
        await in_thread(chat.end_turn, run.id, run.conversation_id, self._kept, spoken)

    def _hear(self, event: Event) -> None:
        """Remember what goes into the conversation."""
        kind, data = event
        if kind == "text.delta":
            self._said.append(data["text"])
        elif kind == "text.reset":
            self._said[:] = ["".join(self._said)[: data["length"]]]
        elif kind == "variable.set" and data["namespace"] == "conversation":
            self._kept[data["name"]] = data["value"]

    def _conversation(self, compiled: Compiled) -> dict[str, Any]:
        variables = (compiled.document.get("variables") or {}).get("conversation") or []
        names = {variable["name"]: variable.get("default") for variable in variables}
        return {name: self._turn.variables.get(name, default) for name, default in names.items()}

    async def _consume(self, running: engine.Run, stream: Stream) -> None:
        # what the engine calls an iterator is a generator, which has to be closed
        generator = cast("AsyncGenerator[Event, None]", running.events())
        async with aclosing(generator) as events:
            async for event in events:
                await self._note(event, stream)

    async def _note(self, event: Event, stream: Stream) -> None:
        if self.run.conversation_id is not None:
            self._hear(event)
        if event.type == "node.waiting":
            await stream.flush()
            taken = self._taken[event.data["path"]]
            await in_thread(run_wait.open_wait, self.id, self._executor.owner, _wait_of(event.data), taken)
        await stream.room()

    async def _end(self, last: Event | None) -> None:
        if last is None:
            raise RuntimeError("The engine ended without a last event.")
        self.closing = True
        self._trace.ended(last)
        kind, data = last
        if kind == "run.waiting":
            await in_thread(
                run_wait.park, self.id, self._executor.owner, data, dict(self._taken), self._trace.root_span
            )
            return
        await self._leave_conversation(kind, data)
        await self._close(
            state=_STATES.get(kind) or str(data.get("status") or "succeeded"),
            kind=kind,
            data=data,
        )

    async def _close(self, *, state: str, kind: str, data: Mapping[str, Any]) -> None:
        stream = self._stream
        closing = Closing(
            id=self.id,
            owner=self._executor.owner,
            state=state,
            seq=1 if stream is None else stream.next_seq,
            type=kind,
            data=dict(data),
            outputs=data.get("outputs"),
            error=data.get("error"),
            usage=data.get("usage"),
            steps=int(data.get("steps") or 0),
            ms=round(data.get("ms") or 0),
            root_span=self._trace.root_span,
            trace_id=self._trace.trace_id,
        )
        await self._executor.closed(self.run, closing)

    async def _fail(self, message: str, code: str, details: Mapping[str, Any]) -> None:
        """End the run for a reason outside of its nodes."""
        error: dict[str, Any] = {"message": message, "code": code}
        if details:
            error["details"] = dict(details)
        ended = Event("run.failed", {"error": error, "ms": round((time.monotonic() - self._started) * 1000)})
        self._trace.ended(ended)
        await self._executor.failed(self.run, ended)

    async def _give_up(self, told: Sequence[Event]) -> None:
        nodes = sorted(_in_flight(told))
        message = (
            f"Its process ended {self.run.stalls} times in a row without completing a node, so the run was given up. "
            f"In progress at the last end: {', '.join(nodes) or 'nothing'}."
        )
        await self._fail(message, "process_died", {"nodes": nodes, "takeovers": self.run.takeovers})

    # -- stop and answers

    async def _stop(self) -> None:
        reason = await in_thread(_stop_reason, self.id)
        self.stop(reason)

    async def _take_answers(self) -> None:
        if self._engine is not None:
            await self._deliver_answers()

    async def _deliver_answers(self) -> None:
        """Hand over what was answered and not taken up yet."""
        given = await in_thread(run_wait.answers_of, self.id)
        for path, answers in given.items():
            while self._taken[path] < len(answers) and self._engine is not None:
                try:
                    self._engine.answer(path, answers[self._taken[path]])
                except engine.UnknownWait:
                    break
                self._taken[path] += 1


def _wait_of(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data.get(name) for name in ("path", "kind", "payload", "expires_at")}


def _in_flight(told: Sequence[Event]) -> set[str]:
    """Paths of nodes that were started and neither completed nor failed."""
    running: set[str] = set()
    for kind, data in told:
        if kind == "node.started":
            running.add(data["path"])
        elif kind in {"node.completed", "node.failed"}:
            running.discard(data["path"])
    return running


def _stop_reason(run_id: UUID) -> str:
    from apps.workflows.models import WorkflowRun

    return WorkflowRun.objects.filter(pk=run_id).values_list("stop_reason", flat=True).first() or ""
