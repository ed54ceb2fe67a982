"""One attempt of one node: what the scheduler knows of it, and what the node sees of the run."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.references import compile_reference
from apps.workflows.dsl.templates import compile_template
from apps.workflows.engine.errors import LimitExceeded

if TYPE_CHECKING:
    from apps.workflows.dsl.scope import Scope
    from apps.workflows.engine.containers import Rounds
    from apps.workflows.engine.frames import Frame
    from apps.workflows.engine.graph import Block, Graph, Spec
    from apps.workflows.engine.node import Wait
    from apps.workflows.engine.ports import Ports
    from apps.workflows.engine.records import NodeRecord
    from apps.workflows.engine.scheduler import Scheduler


class Nest:
    """The rounds of a container that runs: frames by index, and what the ledger knows of rounds before a resume."""

    __slots__ = ("block", "exhausted", "frames", "next", "rounds")

    def __init__(self, rounds: Rounds, block: Block) -> None:
        self.rounds = rounds
        self.block = block
        self.frames: dict[int, Frame] = {}
        self.next = 0
        self.exhausted = False


class Waiting:
    """A wait that has not been answered."""

    __slots__ = ("expires_at", "wait")

    def __init__(self, wait: Wait, expires_at: str | None) -> None:
        self.wait = wait
        self.expires_at = expires_at


class Execution:
    """Implements `NodeContext`. Once it is closed (ended, or given up) nothing it says is heard any more.

    tries: attempts that failed and were repeated. resting: it failed, and is tried again after a while. record: what
    the ledger knows of it, in a resumed run.
    """

    __slots__ = (
        "_scheduler",
        "attempt",
        "closed",
        "frame",
        "nest",
        "path",
        "record",
        "resting",
        "spec",
        "started",
        "task",
        "timer",
        "token",
        "tries",
        "usage",
        "waiting",
    )

    def __init__(
        self,
        scheduler: Scheduler,
        frame: Frame,
        spec: Spec,
        attempt: int,
        tries: int,
        record: NodeRecord | None = None,
    ) -> None:
        self._scheduler = scheduler
        self.frame = frame
        self.spec = spec
        self.path = frame.prefix + spec.id
        self.attempt = attempt
        self.tries = tries
        self.record = record
        self.closed = False
        self.resting = False
        self.started = 0.0
        self.usage: dict[str, Any] = {}
        self.token: Any = None
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.waiting: Waiting | None = None
        self.nest: Nest | None = None

    def configuration(self) -> Any:
        """The node's configuration with values; raises LanguageError."""
        spec = self.spec
        return spec.static if spec.static is not None else spec.source.resolve(self.frame)

    @property
    def run_id(self) -> str:
        """The run."""
        return self._scheduler.run_id

    @property
    def node_id(self) -> str:
        """The node, as the document names it."""
        return self.spec.id

    @property
    def idempotency_key(self) -> str:
        """The same for every try of this execution, also after a crash."""
        return str(uuid.uuid5(self._scheduler.namespace, self.path))

    @property
    def ports(self) -> Ports:
        """The outside world."""
        return self._scheduler.ports

    @property
    def deadline(self) -> datetime | None:
        """When this attempt, or the run, is cut off."""
        ends = [end for end in (self._timer_end(), self._scheduler.deadline) if end is not None]
        if not ends:
            return None
        left = min(ends) - asyncio.get_running_loop().time()
        return datetime.now(UTC) + timedelta(seconds=left)

    def _timer_end(self) -> float | None:
        return None if self.timer is None else self.timer.when()

    @property
    def scope(self) -> Scope:
        """The variables in reach."""
        return self.frame

    @property
    def parent(self) -> Any:
        """The observer's token of the container around this node; None at the top."""
        container = self.frame.container
        return None if container is None else container.token

    @property
    def recalled_version(self) -> int | None:
        """The version a sub-workflow ran with before the run was resumed."""
        return None if self.record is None else self.record.version

    def graph(self, document: Mapping[str, Any]) -> Graph:
        """Another workflow, compiled."""
        return self._scheduler.graphs.get(document)

    def lookup(self, reference: str) -> Any:
        """The value of a reference; None when it was not set."""
        return compile_reference(reference).resolve(self.frame)

    def render(self, template: str, values: Mapping[str, Any] | None = None) -> str:
        """A template over the run's variables and `values`."""
        return compile_template(template).render(self.frame, values)

    def text(self, delta: str) -> None:
        """Say a piece of the node's main text output."""
        if self.closed or not delta:
            return
        spec = self.spec
        if spec.quoted and self.frame.speech is not None and self.frame.speech.hear(self, delta):
            return
        self._scheduler.feed.emit_text("node.delta", {"node": spec.id, "path": self.path, "text": delta})

    def unsay(self, count: int) -> None:
        """Take back the last characters that were said."""
        if not self.closed and self.spec.quoted and self.frame.speech is not None:
            self.frame.speech.unhear(self.spec, count)

    def reasoning(self, delta: str) -> None:
        """Say a piece of what a model thinks."""
        if not self.closed and delta:
            data = {"node": self.spec.id, "path": self.path, "text": delta}
            self._scheduler.feed.emit_text("reasoning.delta", data)

    def log(self, name: str, data: Mapping[str, Any]) -> None:
        """Tell of a step inside the node."""
        if not self.closed:
            told = {"node": self.spec.id, "path": self.path, "name": name, "data": dict(data)}
            self._scheduler.feed.emit("node.log", told)

    def use(self, *, input_tokens: int = 0, output_tokens: int = 0, cost: str = "0") -> None:
        """Count usage towards the run's limits; raises LimitExceeded at once when one is reached."""
        if self.closed:
            return
        usage = self.usage
        usage["input_tokens"] = usage.get("input_tokens", 0) + input_tokens
        usage["output_tokens"] = usage.get("output_tokens", 0) + output_tokens
        usage["cost"] = str(Decimal(usage.get("cost", "0")) + Decimal(cost))
        try:
            self._scheduler.budget.add(input_tokens, output_tokens, cost)
        except LimitExceeded as error:
            # the run ends even when the node swallows the error
            self._scheduler.doom(error)
            raise

    def set_variable(self, namespace: str, name: str, value: Any) -> None:
        """Write a conversation variable or, inside a loop, one of the loop's."""
        if not self.closed:
            self._scheduler.set_variable(self, namespace, name, value)
