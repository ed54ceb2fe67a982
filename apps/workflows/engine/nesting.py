"""Containers: their rounds, one after the other or side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.workflows.engine.errors import LimitExceeded, NodeError
from apps.workflows.engine.execution import Execution, Nest
from apps.workflows.engine.failures import as_node_error
from apps.workflows.engine.frames import Frame
from apps.workflows.engine.voice import NodeVoice, Voice

if TYPE_CHECKING:
    from apps.workflows.engine.containers import Rounds
    from apps.workflows.engine.node import Result
    from apps.workflows.engine.scheduler import Scheduler


class Nesting:
    """Part of the scheduler: begins the rounds of containers, and ends them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def open(self, execution: Execution, rounds: Rounds) -> None:
        """A container's rounds begin."""
        block = execution.spec.body if rounds.graph is None else rounds.graph.root
        if block is None:
            self._scheduler.failed(execution, NodeError("The node has no body.", code="no_body"))
            return
        try:
            self._scheduler.budget.enter(execution.frame.depth + 1)
        except LimitExceeded as error:
            self._scheduler.doom(error, execution.path)
            return
        execution.nest = Nest(rounds, block)
        self._scheduler.active[execution] = None
        self._scheduler.arm(execution)
        self.fill(execution)

    def fill(self, execution: Execution) -> None:
        """Begin rounds as far as they may run side by side; when there are none any more, take the result."""
        nest = execution.nest
        if nest is None:
            return
        outcome: Result | NodeError
        try:
            while not nest.exhausted and len(nest.frames) < nest.rounds.parallel:
                self._begin(execution, nest)
            if nest.frames:
                return
            outcome = nest.rounds.result()
        except Exception as error:  # noqa: BLE001 - whatever a container raises is its failure
            outcome = as_node_error(error, execution)
        self.close(execution, outcome)

    def close(self, execution: Execution, outcome: Result | NodeError) -> None:
        """End a container, with all that still runs inside it."""
        self.close_frames(execution)
        self._scheduler.release(execution)
        self._scheduler.observed(execution, outcome)
        self._scheduler.take(execution, outcome)

    def _begin(self, execution: Execution, nest: Nest) -> None:
        index = nest.next
        variables = nest.rounds.begin(index)
        if variables is None:
            nest.exhausted = True
            return
        nest.next += 1
        record = execution.record.rounds.pop(index, None) if execution.record is not None else None
        if record is not None and record.done:
            self._scheduler.recall.round(execution, nest, index, variables, record)
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
            self._scheduler.feed.emit("round.started", data)
        else:
            frame.records = record.nodes
        self._scheduler.enter(frame, self._voice(execution, nest, index))

    def _voice(self, execution: Execution, nest: Nest, index: int) -> Voice | None:
        """Who says what a round says."""
        if nest.rounds.graph is not None:
            return NodeVoice(execution)
        speech = execution.frame.speech
        return speech.turns(execution.spec).begin(index) if speech is not None and nest.block.slots else None

    def over(self, frame: Frame, signal: str | None, error: NodeError | None) -> None:
        """A round has ended; the next one begins."""
        execution = frame.container
        if execution is None or execution.nest is None:
            return
        nest = execution.nest
        self.close_frame(frame)
        del nest.frames[frame.index]
        output = None
        try:
            if error is None:
                output, signal = nest.rounds.end(frame, signal, frame.results)
            else:
                nest.rounds.failed(frame.index, error)
                self._scheduler.partial = True
        except Exception as failure:  # noqa: BLE001 - whatever a container raises is its failure
            self.close(execution, as_node_error(failure, execution))
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
        self._scheduler.feed.emit("round.completed", data)
        nest.rounds.keep(frame.index, output, told, signal)
        self.fill(execution)

    def close_frame(self, frame: Frame) -> None:
        """Give up what still runs in a frame."""
        frame.closed = True
        if frame.live:
            for execution in [each for each in self._scheduler.active if each.frame is frame]:
                self._scheduler.abort(execution)

    def close_frames(self, execution: Execution) -> None:
        """Give up all rounds of a container."""
        if execution.nest is not None:
            for frame in execution.nest.frames.values():
                self.close_frame(frame)
            execution.nest.frames.clear()
