"""Nodes that wait for people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.errors import LanguageError
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.execution import Execution, Waiting

if TYPE_CHECKING:
    from apps.workflows.engine.node import Wait
    from apps.workflows.engine.scheduler import Scheduler


class Answer:
    """What somebody answered to a wait."""

    __slots__ = ("content",)

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content


class Waits:
    """Part of the scheduler: the waits of a run.

    open: those that nobody has answered, by path. early: answers given before a resumed run has come to its waits.
    """

    def __init__(self, scheduler: Scheduler, clock: Callable[[], datetime]) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self.open: dict[str, Execution] = {}
        self.early: dict[str, dict[str, Any]] = {}

    def wait(
        self, execution: Execution, wait: Wait, expires_at: str | None = None, *, told: bool = False
    ) -> None:
        """A node needs an answer; `told`: it did so before the run was resumed."""
        if wait.timeout_s is not None and expires_at is None:
            expires_at = (self._clock() + timedelta(seconds=wait.timeout_s)).isoformat()
        execution.waiting = Waiting(wait, expires_at)
        self._scheduler.active[execution] = None
        self.open[execution.path] = execution
        if not told:
            data = {
                "node": execution.spec.id,
                "path": execution.path,
                "kind": wait.kind,
                "payload": wait.payload,
                "state": wait.state,
                "expires_at": expires_at,
            }
            self._scheduler.feed.emit("node.waiting", data)
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

    def watch(self, *, watch: bool) -> None:
        """Set the timers of all waits, or let them go: a run nobody reads must not be kept alive by them."""
        for execution in list(self.open.values()):
            if execution.timer is not None:
                execution.timer.cancel()
                execution.timer = None
            if watch:
                self._expire_later(execution)

    def answer(self, wait_id: str, content: dict[str, Any]) -> bool:
        """Answer a wait; False when there is none of this name (any more)."""
        execution = self.open.pop(wait_id, None)
        if execution is None:
            return False
        self._scheduler.land(execution, Answer(content))
        return True

    def go_on(self, execution: Execution, answer: Answer, *, told: bool = False) -> None:
        """A node goes on after its wait; `told`: the ledger has the answer already."""
        waiting = execution.waiting
        if waiting is None:
            return
        if not told:
            self._scheduler.feed.emit("run.answered", {"wait": execution.path, "answer": answer.content})
        execution.waiting = None
        self._scheduler.release(execution)
        execution.started = perf_counter()
        try:
            config = execution.configuration()
        except LanguageError as error:
            self._scheduler.failed(execution, NodeError(error.message, code=error.code))
            return
        self._scheduler.spawn(
            execution, self._scheduler.drive(execution, config, waited=(waiting.wait, answer))
        )
