"""The scheduler: the only writer of a run's state.

Everything happens in `step`, which takes one thing after another that can be done: what arrived from outside (tasks
that ended, answers, timers), then nodes that are ready, in the order in which they became so. Plain nodes are called
in place; coroutine nodes get a task each, whose end arrives. A node is ready when every edge into it is decided and one
was taken; a node no edge of which was taken is skipped, and skips what only it leads to. Nothing in here waits.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.nodetype import ERROR, OUT
from apps.workflows.engine.compile import Graphs
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.errors import LimitExceeded, NodeError
from apps.workflows.engine.events import Event
from apps.workflows.engine.execution import Execution, Nest, Waiting
from apps.workflows.engine.failures import as_node_error, error_outputs, rest_of
from apps.workflows.engine.feed import HIGH_WATER, Feed
from apps.workflows.engine.frames import Frame
from apps.workflows.engine.limits import Budget
from apps.workflows.engine.node import Result, Wait
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.records import NodeRecord, RoundRecord, Setting
from apps.workflows.engine.speech import Speech
from apps.workflows.engine.state import RunState
from apps.workflows.engine.tasks import Leaving
from apps.workflows.engine.voice import NodeVoice, RunVoice

if TYPE_CHECKING:
    from apps.workflows.engine.graph import Graph, Spec
    from apps.workflows.engine.hooks import Observer

#: Outputs that a node with an error strategy has when nothing went wrong.
_FINE = {"is_success": True, "error_message": "", "error_code": ""}
#: The port an observer sees when a node begins to wait.
WAITS = Result({}, "@wait")


class _Answer:
    """What somebody answered to a wait."""

    __slots__ = ("content",)

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content


class _Again:
    """The rest before another attempt is over."""


_AGAIN = _Again()
_Arrival = Result | Wait | Rounds | NodeError | _Answer | _Again


class Scheduler:
    """Runs one graph. `ending` is the event that ends the run, once it is known."""

    def __init__(
        self,
        graph: Graph,
        *,
        run_id: str,
        ports: Ports,
        budget: Budget,
        parallel: int | None,
        feed: Feed,
        observer: Observer | None,
        clock: Callable[[], datetime],
        state: RunState | None,
    ) -> None:
        self.run_id = run_id
        self.namespace = _namespace(run_id)
        self.ports = ports
        self.graphs = Graphs(graph.catalogue)
        self.budget = budget
        self.feed = feed
        self.deadline: float | None = None
        self.ending: Event | None = None
        self.broken: Exception | None = None
        self.waits: dict[str, Execution] = {}
        self.early: dict[str, dict[str, Any]] = {}
        self.leaving = Leaving()
        self.partial = state is not None and state.partial
        self.root = Frame(graph.root, {})
        self._parallel = parallel if parallel is not None else 1 << 62
        self._observer = observer
        self._clock = clock
        self._ready: deque[tuple[Frame, int]] = deque()
        self._arrived: deque[tuple[Execution, _Arrival]] = deque()
        self._held: deque[tuple[Frame, Spec, int, int, NodeRecord | None]] = deque()
        self._postponed: deque[Callable[[], None]] = deque()
        # executions that last: tasks, waits, containers, rests between attempts
        self.active: dict[Execution, None] = {}
        self._running = 0
        self._resting = 0
        self._replaying = state is not None
        self._said = state.said if state is not None else 0
        self._overrides = state.overrides if state is not None else {}
        self.voice = RunVoice(feed, quiet=self._replaying)

    # Beginning and resting

    def begin(self, values: dict[str, Any], records: dict[str, NodeRecord] | None) -> None:
        """Make the nodes without incoming edges ready."""
        self.root.values.update(values)
        self.root.records = records
        self._enter(self.root, self.voice)

    def _enter(self, frame: Frame, voice: Any) -> None:
        if frame.block.slots and voice is not None:
            frame.speech = Speech(frame, voice)
            frame.speech.advance()
        # -1 stands for the end of a body without nodes
        starts = frame.block.roots or (-1,)
        frame.live = len(starts)
        self._ready.extend((frame, index) for index in starts)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do until something arrives."""
        return self.ending is None and not self._ready and not self._arrived and self.broken is None

    @property
    def paused(self) -> bool:
        """Whether all that is left waits for people."""
        return (
            self.idle and not self._replaying and bool(self.waits) and not self._running and not self._resting
        )

    def step(self) -> None:
        """Do all that can be done now, unless the reader of the events should catch up first."""
        ready, arrived, buffer = self._ready, self._arrived, self.feed.buffer
        while self.ending is None:
            if arrived:
                self._arrive(*arrived.popleft())
            elif self._held and self._running < self._parallel:
                self._attempt(*self._held.popleft())
            elif not ready:
                if not self._replaying:
                    break
                self._caught_up()
            elif len(buffer) < HIGH_WATER:
                frame, index = ready.popleft()
                if not frame.closed:
                    self._start(frame, index)
            else:
                return
        if self.ending is None and not self.active:
            self.end(
                "run.failed", {"error": {"message": "The run came to a standstill.", "code": "standstill"}}
            )

    # Nodes

    def _start(self, frame: Frame, index: int) -> None:
        if index < 0:
            frame.live = 0
            self._frame_over(frame)
            return
        spec = frame.block.specs[index]
        if frame.records and (record := frame.records.pop(spec.id, None)) is not None:
            self._recall(frame, spec, record)
        elif self._replaying:
            self._postponed.append(lambda: self._attempt(frame, spec, 1, 0, None))
        else:
            self._attempt(frame, spec, 1, 0, None)

    def _attempt(self, frame: Frame, spec: Spec, attempt: int, tries: int, record: NodeRecord | None) -> None:
        """Begin an attempt of a node, or keep it until one of the tasks has ended."""
        if frame.closed:
            return
        if not spec.plain and self._running >= self._parallel:
            self._held.append((frame, spec, attempt, tries, record))
            return
        try:
            self.budget.step()
        except LimitExceeded as error:
            self.doom(error, frame.prefix + spec.id)
            return
        execution = Execution(self, frame, spec, attempt, tries, record)
        self.feed.emit(
            "node.started",
            {
                "node": spec.id,
                "path": execution.path,
                "type": spec.type,
                "title": spec.title,
                "attempt": attempt,
            },
        )
        self._run(execution)

    def _run(self, execution: Execution) -> None:
        """Resolve the configuration and run the node: in place, or in a task of its own."""
        spec = execution.spec
        execution.started = perf_counter()
        try:
            config = spec.static if spec.static is not None else spec.source.resolve(execution.frame)
        except LanguageError as error:
            self._failed(execution, NodeError(error.message, code=error.code))
            return
        if not spec.plain or (spec.effects and self.feed.journal is not None):
            self._spawn(execution, self._drive(execution, config))
            return
        if self._observer is not None:
            execution.token = self._observer.node_started(execution, spec.node, config)
        try:
            outcome = spec.node.run(execution, config)
        except Exception as error:  # noqa: BLE001 - whatever a node raises is its failure
            self._settle(execution, as_node_error(error, execution))
            return
        if type(outcome) is Result and self._observer is None:
            self._complete(execution, outcome.outputs, outcome.port)
        elif isinstance(outcome, Result | Wait | Rounds):
            self._settle(execution, outcome)
        else:
            self._spawn(execution, self._drive(execution, config, given=outcome))

    def _settle(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        """Take what the `run` of a plain node gave."""
        self._observed(execution, outcome)
        self._take(execution, outcome)

    def _take(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        if isinstance(outcome, Result):
            self._complete(execution, outcome.outputs, outcome.port)
        elif isinstance(outcome, NodeError):
            self._failed(execution, outcome)
        elif isinstance(outcome, Rounds):
            self._open(execution, outcome)
        else:
            self._wait(execution, outcome)

    # Tasks

    def _spawn(self, execution: Execution, work: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        execution.task = loop.create_task(work)
        self.active[execution] = None
        self._running += 1
        self._arm(execution)

    def _arm(self, execution: Execution) -> None:
        """Set the timer that ends an attempt."""
        if execution.spec.timeout_s is not None and execution.timer is None:
            loop = asyncio.get_running_loop()
            execution.timer = loop.call_later(execution.spec.timeout_s, self._time_out, execution)

    def _time_out(self, execution: Execution) -> None:
        seconds = execution.spec.timeout_s
        error = NodeError(f"The node took longer than {seconds:g} s.", code="timeout", retryable=True)
        self._land(execution, error)

    def _land(self, execution: Execution, outcome: _Arrival) -> None:
        """Let the end of something arrive; the first to arrive counts."""
        if not execution.closed or execution.resting:
            self._arrived.append((execution, outcome))
            self.feed.ring()

    async def _drive(
        self,
        execution: Execution,
        config: Any,
        *,
        waited: tuple[Wait, _Answer] | None = None,
        given: Any = None,
    ) -> None:
        """The task of an attempt, which awaits the node and lets the outcome arrive.

        waited: it goes on after this wait with this answer. given: what a plain `run` gave to be awaited. All in one
        coroutine: each frame more would cost at every step that the node takes.
        """
        spec = execution.spec
        if spec.effects and self.feed.journal is not None and not await self._durable():
            return
        if self._observer is not None and given is None:
            execution.token = self._observer.node_started(execution, spec.node, config)
        try:
            outcome = given if given is not None else _called(execution, config, waited)
            if not isinstance(outcome, Result | Wait | Rounds):
                outcome = await outcome
        except asyncio.CancelledError:
            if execution.closed:
                self._observed(execution, NodeError("The node was cancelled.", code="cancelled"))
                raise
            outcome = NodeError("The node cancelled itself.", code="cancelled")
        except Exception as error:  # noqa: BLE001 - whatever a node raises is its failure
            outcome = as_node_error(error, execution)
        except BaseException as error:
            self._land(execution, as_node_error(error, execution))
            raise
        if self._observer is not None:
            self._observed(execution, outcome)
        self._land(execution, outcome)

    async def _durable(self) -> bool:
        """Wait until all that came before is durable; when the ledger fails, the run stops here."""
        try:
            if self.feed.journal is not None:
                await self.feed.journal.barrier()
        except Exception as error:  # noqa: BLE001 - raised where the events of the run are read
            self.broken = error
            self.feed.ring()
            return False
        return True

    def _observed(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        """Tell the observer how an attempt ended; a container's ends with its rounds."""
        if self._observer is not None and not isinstance(outcome, Rounds):
            told = WAITS if isinstance(outcome, Wait) else outcome
            self._observer.node_finished(execution.token, told)

    def _arrive(self, execution: Execution, outcome: _Arrival) -> None:
        if execution not in self.active:
            return
        if isinstance(outcome, _Answer):
            self._answered(execution, outcome)
            return
        if execution.nest is not None and isinstance(outcome, NodeError):
            self._close_container(execution, outcome)
            return
        self._release(execution)
        if isinstance(outcome, _Again):
            self._attempt(
                execution.frame,
                execution.spec,
                execution.attempt + 1,
                execution.tries + 1,
                execution.record,
            )
        elif not execution.closed:
            self._take(execution, outcome)

    def _release(self, execution: Execution) -> None:
        """Take an execution off what lasts: its task has ended or is given up, its timer is off."""
        del self.active[execution]
        if execution.timer is not None:
            execution.timer.cancel()
            execution.timer = None
        if execution.task is not None:
            self._running -= 1
            self.leaving.see_off(execution.task)
            execution.task = None
        if execution.resting:
            execution.resting = False
            self._resting -= 1
        self.waits.pop(execution.path, None)

    # How nodes end

    def _complete(
        self, execution: Execution, outputs: dict[str, Any], port: str, handled: NodeError | None = None
    ) -> None:
        spec, frame = execution.spec, execution.frame
        if spec.strategy != "fail" and handled is None:
            outputs = {**outputs, **_FINE}
        try:
            self.budget.check(outputs, spec.id)
        except LimitExceeded as error:
            self.doom(error, execution.path)
            return
        execution.closed = True
        frame.values[spec.id] = outputs
        data = {
            "node": spec.id,
            "path": execution.path,
            "port": port,
            "outputs": outputs,
            "ms": int((perf_counter() - execution.started) * 1e6) / 1e3,
            "usage": execution.usage,
        }
        if handled is not None:
            data["handled"] = handled.as_dict()
            self.partial = True
        if (
            execution.nest is not None
            and frame.speech is not None
            and spec.body is not None
            and spec.body.slots
        ):
            data["said"] = frame.speech.said_by(spec)
        self.feed.emit("node.completed", data)
        if spec.special:
            self._publish(frame, spec, outputs)
        self._leave(frame, spec, outputs, port)

    def _publish(self, frame: Frame, spec: Spec, outputs: dict[str, Any]) -> None:
        """The checked inputs are those of the workflow, the outputs of an end its results."""
        if spec.node.begins:
            frame.home.values["inputs"] = outputs
        if spec.node.ends:
            frame.home.results.update(outputs)

    def _leave(
        self, frame: Frame, spec: Spec, outputs: dict[str, Any], port: str, said: str | None = None
    ) -> None:
        """Decide the edges of a node that has ended."""
        frame.live -= 1
        way = spec.ways.get(port, spec.nowhere)
        unknown, reached = frame.unknown, frame.reached
        for target in way.taken:
            unknown[target] -= 1
            reached[target] = 1
            if not unknown[target]:
                frame.live += 1
                self._ready.append((frame, target))
        if way.skipped:
            self._skip(frame, way.skipped)
        if frame.speech is not None:
            frame.speech.left(spec, outputs, port, said)
        if port[:1] == "@":
            self._frame_over(frame, port)
        elif not frame.live:
            self._frame_over(frame)

    def _skip(self, frame: Frame, targets: tuple[int, ...]) -> None:
        """Edges were not taken: nodes that nothing leads to any more are skipped, and so on from there."""
        unknown, reached, specs = frame.unknown, frame.reached, frame.block.specs
        pending = list(targets)
        for target in pending:
            unknown[target] -= 1
            if unknown[target]:
                continue
            if reached[target]:
                frame.live += 1
                self._ready.append((frame, target))
            else:
                pending.extend(specs[target].nowhere.skipped)

    def _failed(self, execution: Execution, error: NodeError) -> None:
        """An attempt failed: rest and try again, do what the error strategy says, or fail what is around it."""
        spec, frame = execution.spec, execution.frame
        execution.closed = True
        if isinstance(error, LimitExceeded):
            self.doom(error, execution.path)
            return
        if execution.nest is not None and frame.speech is not None:
            frame.speech.drop(spec)
        retry = spec.retry
        if error.retryable and retry is not None and execution.tries + 1 < retry.attempts:
            self._rest(execution, error, rest_of(retry, execution.tries, error, random.random))
        elif spec.strategy == "default":
            self._complete(execution, {**spec.default, **error_outputs(error)}, OUT, error)
        elif spec.strategy == "branch":
            self._complete(execution, error_outputs(error), ERROR, error)
        else:
            self.feed.emit(
                "node.failed",
                {
                    "node": spec.id,
                    "path": execution.path,
                    "error": error.as_dict(),
                    "ms": int((perf_counter() - execution.started) * 1e6) / 1e3,
                    "usage": execution.usage,
                },
            )
            self._fatal(frame, error, execution.path)

    def _rest(self, execution: Execution, error: NodeError, seconds: float) -> None:
        """Try again after a while; everything else goes on meanwhile."""
        spec, speech = execution.spec, execution.frame.speech
        if spec.quoted and speech is not None:
            speech.unhear(spec)
        self.feed.emit(
            "node.retrying",
            {
                "node": spec.id,
                "path": execution.path,
                "attempt": execution.attempt,
                "error": error.as_dict(),
                "delay_ms": int(seconds * 1e6) / 1e3,
                "usage": execution.usage,
            },
        )
        execution.resting = True
        execution.record = None
        self._resting += 1
        self.active[execution] = None
        loop = asyncio.get_running_loop()
        execution.timer = loop.call_later(seconds, self._land, execution, _AGAIN)

    def _fatal(self, frame: Frame, error: NodeError, path: str) -> None:
        """Nothing took care of an error: the round fails, or the run."""
        if frame.container is None:
            self.end("run.failed", {"error": {**error.as_dict(), "path": path}})
        else:
            self._round_over(frame, None, error)

    def _frame_over(self, frame: Frame, signal: str | None = None) -> None:
        """All nodes of a frame have ended, or one ended it."""
        if frame.home is frame and frame.speech is not None:
            frame.results["answer"] = frame.speech.voice.said.text()
        if frame.container is not None:
            self._round_over(frame, signal, None)
            return
        status = "partial" if self.partial else "succeeded"
        self.end("run.completed", {"status": status, "outputs": frame.results})

    # Containers

    def _open(self, execution: Execution, rounds: Rounds) -> None:
        """A container's rounds begin."""
        block = execution.spec.body if rounds.graph is None else rounds.graph.root
        if block is None:
            self._failed(execution, NodeError("The node has no body.", code="no_body"))
            return
        try:
            self.budget.enter(execution.frame.depth + 1)
        except LimitExceeded as error:
            self.doom(error, execution.path)
            return
        execution.nest = Nest(rounds, block)
        self.active[execution] = None
        self._arm(execution)
        self._fill(execution)

    def _fill(self, execution: Execution) -> None:
        """Begin rounds as far as they may run side by side; when there are none any more, take the result."""
        nest = execution.nest
        if nest is None:
            return
        outcome: Result | NodeError
        try:
            while not nest.exhausted and len(nest.frames) < nest.rounds.parallel:
                self._begin_round(execution, nest)
            if nest.frames:
                return
            outcome = nest.rounds.result()
        except Exception as error:  # noqa: BLE001 - whatever a container raises is its failure
            outcome = as_node_error(error, execution)
        self._close_container(execution, outcome)

    def _close_container(self, execution: Execution, outcome: Result | NodeError) -> None:
        self._close_frames(execution)
        self._release(execution)
        self._observed(execution, outcome)
        self._take(execution, outcome)

    def _begin_round(self, execution: Execution, nest: Nest) -> None:
        index = nest.next
        variables = nest.rounds.begin(index)
        if variables is None:
            nest.exhausted = True
            return
        nest.next += 1
        record = execution.record.rounds.pop(index, None) if execution.record is not None else None
        if record is not None and record.done:
            self._recall_round(execution, nest, index, variables, record)
            return
        values = {execution.spec.id: variables} if nest.rounds.graph is None else variables
        frame = Frame(nest.block, values, execution, index)
        if nest.rounds.graph is None:
            frame.inside(execution.frame)
        nest.frames[index] = frame
        if record is None:
            data = {"node": execution.spec.id, "path": execution.path, "index": index}
            if nest.rounds.version is not None:
                data["version"] = nest.rounds.version
            self.feed.emit("round.started", data)
        else:
            frame.records = record.nodes
        self._enter(frame, self._voice(execution, nest, index))

    def _voice(self, execution: Execution, nest: Nest, index: int) -> Any:
        """Who says what a round says."""
        if nest.rounds.graph is not None:
            return NodeVoice(execution)
        speech = execution.frame.speech
        return speech.turns(execution.spec).begin(index) if speech is not None and nest.block.slots else None

    def _round_over(self, frame: Frame, signal: str | None, error: NodeError | None) -> None:
        """A round has ended; the next one begins."""
        execution = frame.container
        if execution is None or execution.nest is None:
            return
        nest = execution.nest
        self._close_frame(frame)
        del nest.frames[frame.index]
        output = None
        try:
            if error is None:
                output, signal = nest.rounds.end(frame, signal, frame.results)
            else:
                nest.rounds.failed(frame.index, error)
                self.partial = True
        except Exception as failure:  # noqa: BLE001 - whatever a container raises is its failure
            self._close_container(execution, as_node_error(failure, execution))
            return
        told = None if error is None else error.as_dict()
        data = {
            "node": execution.spec.id,
            "path": execution.path,
            "index": frame.index,
            "output": output,
            "error": told,
            "signal": signal,
        }
        if frame.speech is not None and nest.rounds.graph is None and execution.frame.speech is not None:
            data["said"] = frame.speech.voice.said.text()
            execution.frame.speech.turns(execution.spec).end(frame.index)
        self.feed.emit("round.completed", data)
        nest.rounds.keep(frame.index, output, told, signal)
        self._fill(execution)

    def _close_frame(self, frame: Frame) -> None:
        """Give up what still runs in a frame."""
        frame.closed = True
        if frame.live:
            for execution in [each for each in self.active if each.frame is frame]:
                self.abort(execution)

    def _close_frames(self, execution: Execution) -> None:
        if execution.nest is not None:
            for frame in execution.nest.frames.values():
                self._close_frame(frame)
            execution.nest.frames.clear()

    def abort(self, execution: Execution) -> None:
        """Give up an execution, with all that runs inside it."""
        execution.closed = True
        if execution.nest is not None:
            self._close_frames(execution)
            self._observed(execution, NodeError("The node was cancelled.", code="cancelled"))
        if execution in self.active:
            self._release(execution)

    # Waits

    def _wait(
        self, execution: Execution, wait: Wait, expires_at: str | None = None, *, told: bool = False
    ) -> None:
        """A node needs an answer; `told`: it did so before the run was resumed."""
        if wait.timeout_s is not None and expires_at is None:
            expires_at = (self._clock() + timedelta(seconds=wait.timeout_s)).isoformat()
        execution.waiting = Waiting(wait, expires_at)
        self.active[execution] = None
        self.waits[execution.path] = execution
        if not told:
            data = {
                "node": execution.spec.id,
                "path": execution.path,
                "kind": wait.kind,
                "payload": wait.payload,
                "state": wait.state,
                "expires_at": expires_at,
            }
            self.feed.emit("node.waiting", data)
        if (early := self.early.pop(execution.path, None)) is not None:
            self.answer(execution.path, early)
        else:
            self._expire_later(execution)

    def _expire_later(self, execution: Execution) -> None:
        """Answer a wait by its timeout when the time comes, or now when that has passed."""
        if execution.waiting is None or execution.waiting.expires_at is None:
            return
        left = (datetime.fromisoformat(execution.waiting.expires_at) - self._clock()).total_seconds()
        if left <= 0:
            self.answer(execution.path, {"timeout": True})
            return
        loop = asyncio.get_running_loop()
        execution.timer = loop.call_later(left, self.answer, execution.path, {"timeout": True})

    def watch_waits(self, *, watch: bool) -> None:
        """Set the timers of all waits, or let them go: a run nobody reads must not be kept alive by them."""
        for execution in list(self.waits.values()):
            if execution.timer is not None:
                execution.timer.cancel()
                execution.timer = None
            if watch:
                self._expire_later(execution)

    def answer(self, wait_id: str, content: dict[str, Any]) -> bool:
        """Answer a wait; False when there is none of this name (any more)."""
        execution = self.waits.pop(wait_id, None)
        if execution is None:
            return False
        self._land(execution, _Answer(content))
        return True

    def _answered(self, execution: Execution, answer: _Answer, *, told: bool = False) -> None:
        """A node goes on after its wait; `told`: the ledger has the answer already."""
        waiting = execution.waiting
        if waiting is None:
            return
        if not told:
            self.feed.emit("run.answered", {"wait": execution.path, "answer": answer.content})
        execution.waiting = None
        self._release(execution)
        execution.started = perf_counter()
        spec = execution.spec
        try:
            config = spec.static if spec.static is not None else spec.source.resolve(execution.frame)
        except LanguageError as error:
            self._failed(execution, NodeError(error.message, code=error.code))
            return
        self._spawn(execution, self._drive(execution, config, waited=(waiting.wait, answer)))

    # What a resumed run had done

    def _recall(self, frame: Frame, spec: Spec, record: NodeRecord) -> None:
        """Take over what the ledger knows of a node instead of running it; what was cut off is run again later."""
        data = record.data
        if record.state == "completed":
            self._apply(frame, record.settings, spec.id)
            frame.values[spec.id] = data["outputs"]
            if spec.special:
                self._publish(frame, spec, data["outputs"])
            self._leave(frame, spec, data["outputs"], data["port"], data.get("said"))
        elif record.state == "failed":
            error = data["error"]
            failure = NodeError(error["message"], code=error["code"], details=error.get("details"))
            self._fatal(frame, failure, frame.prefix + spec.id)
        elif record.state == "waiting":
            self._recall_wait(frame, spec, record)
        elif record.rounds and spec.plain:
            if record.attempt:
                self._run(Execution(self, frame, spec, record.attempt, record.tries, record))
            else:
                # taken over from another run, of which this one repeats a part
                self._attempt(frame, spec, 1, 0, record)
        else:
            # once more from its beginning; of a sub-workflow only what is missing in its rounds
            attempt = record.attempt + 1
            self._postponed.append(lambda: self._attempt(frame, spec, attempt, record.tries, record))
            if not self._replaying:
                self._postponed.pop()()

    def _recall_wait(self, frame: Frame, spec: Spec, record: NodeRecord) -> None:
        data = record.data
        execution = Execution(self, frame, spec, record.attempt, record.tries, record)
        wait = Wait(data["kind"], data["payload"], state=data["state"])
        self._wait(execution, wait, data["expires_at"], told=True)
        if record.answer is not None:
            self.waits.pop(execution.path, None)
            answer = _Answer(record.answer)
            self._postponed.append(lambda: self._answered(execution, answer, told=True))
            if not self._replaying:
                self._postponed.pop()()

    def _recall_round(
        self, execution: Execution, nest: Nest, index: int, variables: dict[str, Any], record: RoundRecord
    ) -> None:
        """Take over a round that had ended."""
        own = {execution.spec.id: variables} if nest.rounds.graph is None else variables
        scope = Frame(nest.block, own, execution, index).inside(execution.frame)
        self._apply(scope, record.settings, "")
        speech = execution.frame.speech
        if record.said is not None and speech is not None:
            speech.turns(execution.spec).end(index, record.said)
        nest.rounds.keep(index, record.output, record.error, record.signal)

    def _apply(self, frame: Frame, settings: list[Setting], done: str) -> None:
        """Set variables again. Those of a loop that has ended (`done`) are part of its outputs already."""
        for setting in settings:
            target = frame.get(setting.namespace) if setting.namespace != done else None
            if isinstance(target, dict):
                target[setting.name] = setting.value

    def _caught_up(self) -> None:
        """All the ledger knows has been taken over: now run what is missing, in the order it came up."""
        self._replaying = False
        for (namespace, name), value in self._overrides.items():
            self.root.values[namespace][name] = value
        self.voice.speak_up(self._said)
        while self._postponed:
            self._postponed.popleft()()

    # What comes from nodes and from outside

    def set_variable(self, execution: Execution, namespace: str, name: str, value: Any) -> None:
        """Write a variable for all that run after; raises NodeError when there is no such namespace."""
        target = execution.frame.get(namespace) if namespace not in {"sys", "env", "inputs"} else None
        if not isinstance(target, dict):
            raise NodeError(f"There are no variables {namespace}.* to write here.", code="unknown_variable")
        try:
            self.budget.check({name: value}, namespace)
        except LimitExceeded as error:
            self.doom(error, execution.path)
            raise
        target[name] = value
        data = {"namespace": namespace, "name": name, "value": value}
        self.feed.emit("variable.set", {**data, "node": execution.spec.id, "path": execution.path})

    def doom(self, error: LimitExceeded, path: str = "") -> None:
        """End the run: a limit was reached."""
        self.end("run.failed", {"error": {**error.as_dict(), "path": path} if path else error.as_dict()})

    def end(self, kind: str, data: dict[str, Any]) -> None:
        """End the run and give up all that runs; the first end counts."""
        if self.ending is not None:
            return
        self.ending = Event(kind, data)
        self.give_up()

    def give_up(self) -> None:
        """Cancel everything."""
        self.root.closed = True
        for execution in list(self.active):
            self.abort(execution)
        self.feed.ring()


def _called(execution: Execution, config: Any, waited: tuple[Wait, _Answer] | None) -> Any:
    """What the node's `run` gives, or its `resume` after a wait."""
    node = execution.spec.node
    if waited is None:
        return node.run(execution, config)
    wait, answer = waited
    return node.resume(execution, config, wait.state, answer.content)


def _namespace(run_id: str) -> uuid.UUID:
    """The name space of a run's idempotency keys."""
    try:
        return uuid.UUID(run_id)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, run_id)
