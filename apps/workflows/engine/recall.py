"""Resuming a run: what the ledger knows is taken over instead of being run again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.execution import Execution, Nest
from apps.workflows.engine.frames import Frame
from apps.workflows.engine.node import Wait
from apps.workflows.engine.records import NodeRecord, RoundRecord, Setting
from apps.workflows.engine.waits import Answer

if TYPE_CHECKING:
    from apps.workflows.engine.graph import Spec
    from apps.workflows.engine.scheduler import Scheduler
    from apps.workflows.engine.state import RunState


class Recall:
    """Part of the scheduler of a run that goes on from its events.

    While it is `active`, nodes that have to run are put off: first everything known is taken over, so that answers,
    variables and edges are as they were.
    """

    def __init__(self, scheduler: Scheduler, state: RunState | None) -> None:
        self._scheduler = scheduler
        self._postponed: deque[Callable[[], None]] = deque()
        self._said = state.said if state is not None else 0
        self._overrides = state.overrides if state is not None else {}
        self.active = state is not None

    def later(self, work: Callable[[], None]) -> None:
        """Do something once all that is known has been taken over, so that it comes in the order it came up."""
        if self.active:
            self._postponed.append(work)
        else:
            work()

    def node(self, frame: Frame, spec: Spec, record: NodeRecord) -> None:
        """Take over what the ledger knows of a node instead of running it; what was cut off is run again later."""
        data = record.data
        if record.state == "completed":
            self._apply(frame, record.settings, spec.id)
            frame.values[spec.id] = data["outputs"]
            if spec.special:
                self._scheduler.publish(frame, spec, data["outputs"])
            self._scheduler.leave(frame, spec, data["outputs"], data["port"], data.get("said"))
        elif record.state == "failed":
            error = data["error"]
            failure = NodeError(error["message"], code=error["code"], details=error.get("details"))
            self._scheduler.fatal(frame, failure, frame.prefix + spec.id)
        elif record.state == "waiting":
            self._wait(frame, spec, record)
        elif record.rounds and spec.plain:
            if record.attempt:
                self._scheduler.run(
                    Execution(self._scheduler, frame, spec, record.attempt, record.tries, record)
                )
            else:
                # taken over from another run, of which this one repeats a part
                self._scheduler.attempt(frame, spec, 1, 0, record)
        else:
            # once more from its beginning; of a sub-workflow only what is missing in its rounds
            attempt = record.attempt + 1
            self.later(lambda: self._scheduler.attempt(frame, spec, attempt, record.tries, record))

    def _wait(self, frame: Frame, spec: Spec, record: NodeRecord) -> None:
        data = record.data
        execution = Execution(self._scheduler, frame, spec, record.attempt, record.tries, record)
        wait = Wait(data["kind"], data["payload"], state=data["state"])
        self._scheduler.waits.wait(execution, wait, data["expires_at"], told=True)
        if record.answer is not None:
            self._scheduler.waits.open.pop(execution.path, None)
            answer = Answer(record.answer)
            self.later(lambda: self._scheduler.waits.go_on(execution, answer, told=True))

    def round(
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

    def caught_up(self) -> None:
        """All the ledger knows has been taken over: now run what is missing, in the order it came up."""
        self.active = False
        for (namespace, name), value in self._overrides.items():
            self._scheduler.root.values[namespace][name] = value
        self._scheduler.voice.speak_up(self._said)
        while self._postponed:
            self._postponed.popleft()()
