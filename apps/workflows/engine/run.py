"""A run of a graph: the engine's face to whoever executes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.workflows.engine.errors import LimitExceeded, UnknownWait
from apps.workflows.engine.events import Event
from apps.workflows.engine.feed import Feed
from apps.workflows.engine.graph import Graph
from apps.workflows.engine.hooks import Journal, Observer
from apps.workflows.engine.limits import Budget, LimitsLike
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.scheduler import Scheduler
from apps.workflows.engine.snapshot import snapshot
from apps.workflows.engine.state import RunState

#: Seconds that cancelled nodes get to clean up before the run ends without them.
GRACE_S = 0.05
#: Seconds of work after which others on the event loop get their turn.
SLICE_S = 0.005


def _now() -> datetime:
    return datetime.now(UTC)


class Run:
    """One run, driven by whoever iterates over `events`.

    inputs: of the start node. sys, environment, conversation: the namespaces ``$.sys``, ``$.env``, ``$.conversation``.
    limits: those of the document unless given. state: what a run had done that goes on here, or is repeated in part.
    journal: its durable record. clock: for the expiry of waits.
    """

    def __init__(  # noqa: PLR0913 - what surrounds a run, all by name
        self,
        graph: Graph,
        *,
        run_id: str,
        inputs: Mapping[str, Any] | None = None,
        sys: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        conversation: Mapping[str, Any] | None = None,
        ports: Ports | None = None,
        limits: LimitsLike | None = None,
        state: RunState | None = None,
        journal: Journal | None = None,
        observer: Observer | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        limits = limits if limits is not None else graph.limits
        self.graph = graph
        self.run_id = run_id
        self._seconds = limits.seconds
        self._state = state
        self._inputs = dict(inputs or {})
        if state is not None and state.inputs is not None:
            self._inputs = state.inputs
        self._names = {"sys": sys, "env": environment, "conversation": conversation, "inputs": self._inputs}
        self._feed = Feed(journal)
        self._budget = _budget(limits, state)
        self._ms = state.ms if state is not None else 0.0
        self._since: float | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False
        self._reading = False
        self._over = False
        self._scheduler = Scheduler(
            graph,
            run_id=run_id,
            ports=ports if ports is not None else Ports(),
            budget=self._budget,
            parallel=limits.parallel,
            feed=self._feed,
            observer=observer,
            clock=clock,
            state=state,
        )

    async def events(self) -> AsyncIterator[Event]:
        """Drive the run and yield what happens, in order, until it ends or only waits for people.

        A reader who is slow slows the run down. After a `run.waiting` the iteration ends; once `answer` was called it
        may be begun again, here or with a state read back from the events. When the reader goes away before, everything
        that runs is cancelled, and the run can only go on from its state.
        """
        if self._reading or self._over:
            raise RuntimeError(
                "The events of a run have one reader, and can't be read again once it is over."
            )
        self._reading = True
        scheduler, buffer = self._scheduler, self._feed.buffer
        self._start_clock()
        left = True
        try:
            self._begin()
            scheduler.waits.watch(watch=True)
            while True:
                scheduler.step()
                while buffer:
                    yield buffer.popleft()
                if (last := await self._last()) is not None:
                    yield last
                    if last.type != "run.waiting" or scheduler.paused:
                        break
                else:
                    await self._breathe()
            left = False
        finally:
            self._reading = False
            self._stop_clock()
            scheduler.waits.watch(watch=False)
            if left:
                self._over = True
                scheduler.give_up()

    async def _last(self) -> Event | None:
        """The event that ends the iteration, if it has come to that; raises what the journal raised."""
        if self._scheduler.broken is not None:
            raise self._scheduler.broken
        if self._scheduler.ending is not None:
            return await self._end(self._scheduler.ending)
        return await self._pause() if self._scheduler.paused else None

    async def _breathe(self) -> None:
        """Sleep until something happens; when there is always something to do, let others have their turn."""
        time = asyncio.get_running_loop().time
        if self._scheduler.idle and not self._feed.buffer:
            await self._feed.bell()
        elif time() > self._until:
            await asyncio.sleep(0)
        else:
            return
        self._until = time() + SLICE_S

    def cancel(self, reason: str = "") -> None:
        """Stop the run: what runs is cancelled at once, `run.stopped` follows within 100 ms."""
        self._scheduler.end("run.stopped", {"reason": reason})

    def answer(self, wait_id: str, answer: Mapping[str, Any]) -> None:
        """Answer a wait; raises UnknownWait when nothing waits under this name (any more)."""
        content = dict(answer)
        if self._scheduler.waits.answer(wait_id, content):
            return
        if not self._begun and self._state is not None and self._state.waits(wait_id):
            self._scheduler.waits.early[wait_id] = content
            return
        raise UnknownWait(f"Nothing waits under {wait_id!r}.")

    def snapshot(self) -> dict[str, Any]:
        """Where the run is: nodes by path with state and outputs, open waits, the answer so far, usage."""
        return {**snapshot(self._scheduler), "usage": self._budget.usage(), "steps": self._budget.steps}

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        state = self._state
        if state is None or not state.started:
            self._feed.emit("run.started", {"inputs": self._inputs})
        else:
            self._feed.emit("run.resumed", {"steps": state.steps})
        for event in state.prelude if state is not None else ():
            self._feed.emit(*event)
        values = {name: dict(found or {}) for name, found in self._names.items()}
        for (namespace, name), value in (state.overrides if state is not None else {}).items():
            values[namespace][name] = value
            if state is not None and not state.started:
                told = {"namespace": namespace, "name": name, "value": value, "node": "", "path": ""}
                self._feed.emit("variable.set", told)
        try:
            for name, found in values.items():
                self._budget.check(found, name)
        except LimitExceeded as error:
            self._scheduler.doom(error)
        self._scheduler.begin(values, state.nodes if state is not None else None)

    async def _end(self, event: Event) -> Event:
        """Let cancelled nodes go, and make the end durable before anybody hears of it."""
        await self._scheduler.leaving.wait(GRACE_S)
        self._over = True
        return await self._tell(Event(event.type, {**event.data, **self._sums()}))

    async def _pause(self) -> Event:
        """Make it durable that only waits are left."""
        waits = [
            {
                "wait": path,
                "path": path,
                "kind": execution.waiting.wait.kind,
                "payload": execution.waiting.wait.payload,
                "expires_at": execution.waiting.expires_at,
            }
            for path, execution in self._scheduler.waits.open.items()
            if execution.waiting is not None
        ]
        return await self._tell(Event("run.waiting", {"waits": waits, **self._sums()}))

    async def _tell(self, event: Event) -> Event:
        journal = self._feed.journal
        if journal is not None:
            journal.append(event)
            await journal.barrier()
        return event

    def _sums(self) -> dict[str, Any]:
        running = 0.0 if self._since is None else asyncio.get_running_loop().time() - self._since
        return {
            "usage": self._budget.usage(),
            "steps": self._budget.steps,
            "ms": round(self._ms + running * 1000, 3),
        }

    def _start_clock(self) -> None:
        """Begin to count the time in which something runs."""
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        self._until = self._since + SLICE_S
        if self._seconds is not None:
            self._scheduler.deadline = self._since + max(0.0, self._seconds - self._ms / 1000)
            self._timer = loop.call_at(self._scheduler.deadline, self._out_of_time)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._since is not None:
            self._ms += (asyncio.get_running_loop().time() - self._since) * 1000
            self._since = None

    def _out_of_time(self) -> None:
        self._scheduler.doom(LimitExceeded(f"The run may take {self._seconds:g} s.", code="limit_seconds"))


def _budget(limits: LimitsLike, state: RunState | None) -> Budget:
    budget = Budget(limits)
    if state is not None:
        budget.steps = state.steps
        budget.input_tokens, budget.output_tokens = state.input_tokens, state.output_tokens
        budget.cost = state.cost
    return budget
