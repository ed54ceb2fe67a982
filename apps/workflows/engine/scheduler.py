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
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.nodetype import ERROR, OUT
from apps.workflows.engine.compile import Graphs
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.errors import LimitExceeded, NodeError
from apps.workflows.engine.events import Event
from apps.workflows.engine.execution import Execution
from apps.workflows.engine.failures import as_node_error, error_outputs, rest_of
from apps.workflows.engine.feed import HIGH_WATER, Feed
from apps.workflows.engine.frames import Frame
from apps.workflows.engine.limits import Budget
from apps.workflows.engine.nesting import Nesting
from apps.workflows.engine.node import Result, Wait
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.recall import Recall
from apps.workflows.engine.records import NodeRecord
from apps.workflows.engine.speech import Speech
from apps.workflows.engine.state import RunState
from apps.workflows.engine.tasks import Leaving
from apps.workflows.engine.voice import RunVoice, Voice
from apps.workflows.engine.waits import Answer, Waits

if TYPE_CHECKING:
    from apps.workflows.engine.graph import Graph, Spec
    from apps.workflows.engine.hooks import Observer

#: Outputs that a node with an error strategy has when nothing went wrong.
_FINE = {"is_success": True, "error_message": "", "error_code": ""}
#: The port an observer sees when a node begins to wait.
WAITS = Result({}, "@wait")


class _Again:
    """The rest before another attempt is over."""


_AGAIN = _Again()
Arrival = Result | Wait | Rounds | NodeError | Answer | _Again


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
        self.leaving = Leaving()
        self.partial = state is not None and state.partial
        self.root = Frame(graph.root, {})
        self._parallel = parallel if parallel is not None else 1 << 62
        self._observer = observer
        self._ready: deque[tuple[Frame, int]] = deque()
        self._arrived: deque[tuple[Execution, Arrival]] = deque()
        self._held: deque[tuple[Frame, Spec, int, int, NodeRecord | None]] = deque()
        # executions that last: tasks, waits, containers, rests between attempts
        self.active: dict[Execution, None] = {}
        self._running = 0
        self._resting = 0
        self.nesting = Nesting(self)
        self.waits = Waits(self, clock)
        self.recall = Recall(self, state)
        self.voice = RunVoice(feed, quiet=self.recall.active)

    # Beginning and resting

    def begin(self, values: dict[str, Any], records: dict[str, NodeRecord] | None) -> None:
        """Make the nodes without incoming edges ready."""
        self.root.values.update(values)
        self.root.records = records
        self.enter(self.root, self.voice)

    def enter(self, frame: Frame, voice: Voice | None) -> None:
        """Let the nodes of a frame begin that nothing leads to; `voice` says its answers."""
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
            self.idle
            and not self.recall.active
            and bool(self.waits.open)
            and not self._running
            and not self._resting
        )

    def step(self) -> None:
        """Do all that can be done now, unless the reader of the events should catch up first."""
        ready, arrived, buffer = self._ready, self._arrived, self.feed.buffer
        while self.ending is None:
            if arrived:
                self._arrive(*arrived.popleft())
            elif self._held and self._running < self._parallel:
                self.attempt(*self._held.popleft())
            elif not ready:
                if not self.recall.active:
                    break
                self.recall.caught_up()
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
            self.recall.node(frame, spec, record)
        elif self.recall.active:
            self.recall.later(lambda: self.attempt(frame, spec, 1, 0, None))
        else:
            self.attempt(frame, spec, 1, 0, None)

    def attempt(self, frame: Frame, spec: Spec, attempt: int, tries: int, record: NodeRecord | None) -> None:
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
        self.run(execution)

    def run(self, execution: Execution) -> None:
        """Resolve the configuration and run the node: in place, or in a task of its own."""
        spec = execution.spec
        execution.started = perf_counter()
        try:
            config = execution.configuration()
        except LanguageError as error:
            self.failed(execution, NodeError(error.message, code=error.code))
            return
        if not spec.plain or (spec.effects and self.feed.journal is not None):
            self.spawn(execution, self.drive(execution, config))
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
            self.spawn(execution, self.drive(execution, config, given=outcome))

    def _settle(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        """Take what the `run` of a plain node gave."""
        self.observed(execution, outcome)
        self.take(execution, outcome)

    def take(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        """Take an outcome, whatever it is."""
        if isinstance(outcome, Result):
            self._complete(execution, outcome.outputs, outcome.port)
        elif isinstance(outcome, NodeError):
            self.failed(execution, outcome)
        elif isinstance(outcome, Rounds):
            self.nesting.open(execution, outcome)
        else:
            self.waits.wait(execution, outcome)

    # Tasks

    def spawn(self, execution: Execution, work: Coroutine[Any, Any, None]) -> None:
        """Give an attempt a task."""
        loop = asyncio.get_running_loop()
        execution.task = loop.create_task(work)
        self.active[execution] = None
        self._running += 1
        self.arm(execution)

    def arm(self, execution: Execution) -> None:
        """Set the timer that ends an attempt."""
        if execution.spec.timeout_s is not None and execution.timer is None:
            loop = asyncio.get_running_loop()
            execution.timer = loop.call_later(execution.spec.timeout_s, self._time_out, execution)

    def _time_out(self, execution: Execution) -> None:
        seconds = execution.spec.timeout_s
        error = NodeError(f"The node took longer than {seconds:g} s.", code="timeout", retryable=True)
        self.land(execution, error)

    def land(self, execution: Execution, outcome: Arrival) -> None:
        """Let the end of something arrive; the first to arrive counts."""
        if not execution.closed or execution.resting:
            self._arrived.append((execution, outcome))
            self.feed.ring()

    async def drive(
        self,
        execution: Execution,
        config: Any,
        *,
        waited: tuple[Wait, Answer] | None = None,
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
                self.observed(execution, NodeError("The node was cancelled.", code="cancelled"))
                raise
            outcome = NodeError("The node cancelled itself.", code="cancelled")
        except Exception as error:  # noqa: BLE001 - whatever a node raises is its failure
            outcome = as_node_error(error, execution)
        except BaseException as error:
            self.land(execution, as_node_error(error, execution))
            raise
        if self._observer is not None:
            self.observed(execution, outcome)
        self.land(execution, outcome)

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

    def observed(self, execution: Execution, outcome: Result | Wait | Rounds | NodeError) -> None:
        """Tell the observer how an attempt ended; a container's ends with its rounds."""
        if self._observer is not None and not isinstance(outcome, Rounds):
            told = WAITS if isinstance(outcome, Wait) else outcome
            self._observer.node_finished(execution.token, told)

    def _arrive(self, execution: Execution, outcome: Arrival) -> None:
        if execution not in self.active:
            return
        if isinstance(outcome, Answer):
            self.waits.go_on(execution, outcome)
            return
        if execution.nest is not None and isinstance(outcome, NodeError):
            self.nesting.close(execution, outcome)
            return
        self.release(execution)
        if isinstance(outcome, _Again):
            self.attempt(
                execution.frame,
                execution.spec,
                execution.attempt + 1,
                execution.tries + 1,
                execution.record,
            )
        elif not execution.closed:
            self.take(execution, outcome)

    def release(self, execution: Execution) -> None:
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
        self.waits.open.pop(execution.path, None)

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
            self.publish(frame, spec, outputs)
        self.leave(frame, spec, outputs, port)

    def publish(self, frame: Frame, spec: Spec, outputs: dict[str, Any]) -> None:
        """The checked inputs are those of the workflow, the outputs of an end its results."""
        if spec.node.begins:
            frame.home.values["inputs"] = outputs
        if spec.node.ends:
            frame.home.results.update(outputs)

    def leave(
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

    def failed(self, execution: Execution, error: NodeError) -> None:
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
            self.fatal(frame, error, execution.path)

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
        execution.timer = loop.call_later(seconds, self.land, execution, _AGAIN)

    def fatal(self, frame: Frame, error: NodeError, path: str) -> None:
        """Nothing took care of an error: the round fails, or the run."""
        if frame.container is None:
            self.end("run.failed", {"error": {**error.as_dict(), "path": path}})
        else:
            self.nesting.over(frame, None, error)

    def _frame_over(self, frame: Frame, signal: str | None = None) -> None:
        """All nodes of a frame have ended, or one ended it."""
        if frame.home is frame and frame.speech is not None:
            frame.results["answer"] = frame.speech.voice.said.text()
        if frame.container is not None:
            self.nesting.over(frame, signal, None)
            return
        status = "partial" if self.partial else "succeeded"
        self.end("run.completed", {"status": status, "outputs": frame.results})

    def abort(self, execution: Execution) -> None:
        """Give up an execution, with all that runs inside it."""
        execution.closed = True
        if execution.nest is not None:
            self.nesting.close_frames(execution)
            self.observed(execution, NodeError("The node was cancelled.", code="cancelled"))
        if execution in self.active:
            self.release(execution)

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


def _called(execution: Execution, config: Any, waited: tuple[Wait, Answer] | None) -> Any:
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
