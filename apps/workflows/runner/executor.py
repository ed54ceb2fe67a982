"""Executing many runs in one process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import random
import socket
import uuid
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
from django.conf import settings
from psycopg import sql

from apps.agents.threads import in_thread
from apps.core.streams import StreamBrokenError, current_hub
from apps.core.streams.current import conninfo
from apps.workflows.engine.events import Event
from apps.workflows.models import RunMode
from apps.workflows.runner import queue
from apps.workflows.runner.closing import Closer, Closing
from apps.workflows.runner.database import Database
from apps.workflows.runner.execution import Execution
from apps.workflows.runner.graphs import Compiled, Graphs
from apps.workflows.runner.queue import Claimed
from apps.workflows.services import outcome
from apps.workflows.services.run import QUEUE_CHANNEL

logger = logging.getLogger(__name__)

#: How often a process looks for runs when nobody tells it of any.
POLL_S: Final = 1.0
#: An interactive run that no web process has taken after this time is taken by a runner.
INTERACTIVE_AGE_S: Final = 1.0
#: Runs taken by one statement; more follow at once.
BATCH: Final = 100

#: Stalls from which a run may be what ends its processes.
SUSPICIOUS: Final = 3
#: Runs with so many stalls, from and to, that a process executes at once.
SUSPICION: Final = ((0, 2, BATCH), (3, 3, 16), (4, 4, 4), (5, 2**31 - 1, 1))

#: What a process takes: modes, each with how old a run has to be.
WEB: Final = ((RunMode.INTERACTIVE, 0.0),)
RUNNER: Final = ((RunMode.BACKGROUND, 0.0), (RunMode.INTERACTIVE, INTERACTIVE_AGE_S))


class Executor:
    """Takes runs from the queue up to its number of slots, keeps their leases, and hands them over at its end.

    modes: pairs of a mode and the age in seconds from which runs of it are taken. Runs whose process died are taken
    whatever their mode.
    """

    def __init__(self, modes: Sequence[tuple[str, float]] = RUNNER, *, slots: int | None = None) -> None:
        self._modes = modes
        self._slots = slots or settings.RUNNER_SLOTS
        # the name says which process held a lease when somebody looks at the table
        self.owner = f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:16]}"
        self.database = Database(conninfo())
        self._closer = Closer(self.database)
        self._graphs = Graphs()
        self._runs: dict[UUID, Execution] = {}
        self._traces: dict[UUID, str] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loops: list[asyncio.Task[None]] = []

    @property
    def busy(self) -> int:
        """How many runs it executes."""
        return len(self._runs)

    def start(self) -> None:
        """Begin to take runs."""
        if not self._loops:
            self._loops = [
                self.spawn(self._work(), "runs-work"),
                self.spawn(self._beat(), "runs-leases"),
                self.spawn(self._listen(), "runs-listen"),
            ]

    def wake(self) -> None:
        """Look for runs now."""
        self._wake.set()

    def get(self, run_id: UUID) -> Execution | None:
        """The execution of a run in this process."""
        return self._runs.get(run_id)

    async def stop(self, drain_s: float = 0.0) -> None:
        """Take no more runs; after `drain_s` hand over what is not done: others go on with it at once."""
        self._stopping = True
        running = {run.task for run in self._runs.values() if run.task is not None}
        if running and drain_s:
            await asyncio.wait(running, timeout=drain_s)
        left = list(self._runs.values())
        for run in left:
            run.abandon()
        tasks = {run.task for run in left if run.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        with contextlib.suppress(StreamBrokenError):
            await current_hub().writer.flush()
        if left:
            await self.give_back([run.id for run in left])
        for task in [*self._loops, *self._tasks]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        self._loops = []
        await self.database.close()

    # -- for executions

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that lives as long as the executor, in a context of its own."""
        task = asyncio.get_running_loop().create_task(work, name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def compiled(self, run: Claimed) -> Compiled:
        """The graph that a run executes; raises DocumentError."""
        found = self._graphs.get(run.checksum)
        if found is None:
            document = await self.database.run(partial(queue.document_of, run_id=run.id))
            found = self._graphs.add(run.checksum, document)
        return found

    async def closed(self, run: Claimed, closing: Closing) -> None:
        """Write how a run ended, and what follows from it."""
        try:
            done = await self._closer.close(closing)
        except psycopg.Error as error:
            logger.exception("The end of run %s was refused.", run.id)
            details = {"message": f"Its result could not be stored: {error}", "code": "result_refused"}
            await self.failed(run, Event("run.failed", {"error": details}))
            return
        if done:
            await self._after(run, closing.state)
        else:
            logger.warning("Run %s was taken over while it ended here.", run.id)

    async def failed(self, run: Claimed, ended: Event) -> None:
        """Write that a run failed outside of its nodes."""
        with contextlib.suppress(StreamBrokenError):
            await current_hub().writer.flush()
        if await in_thread(outcome.fail_held, run.id, self.owner, ended.data):
            await self._after(run, "failed")

    async def give_back(self, ids: Sequence[UUID]) -> None:
        """Let others go on with these runs."""
        await self.database.run(partial(queue.give_back, ids=ids, owner=self.owner, channel=QUEUE_CHANNEL))

    async def _after(self, run: Claimed, state: str) -> None:
        if run.has_callback or state == "failed":
            self.spawn(in_thread(outcome.run_ended, run.id), f"ended-{run.id}")

    def traced(self, run_id: UUID, trace_id: str) -> None:
        """Have it written down under which trace a run is seen; runs that begin together share a statement."""
        if not self._traces:
            self.spawn(self._note_traces(), "run-traces")
        self._traces[run_id] = trace_id

    async def _note_traces(self) -> None:
        await asyncio.sleep(0.02)
        traces, self._traces = self._traces, {}
        await self.database.run(partial(queue.note_traces, traces=traces))

    # -- loops

    async def _work(self) -> None:
        look_for_lost = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            lost = loop.time() >= look_for_lost
            if lost:
                look_for_lost = loop.time() + POLL_S
            more = await self._take(lost=lost)
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_S * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    async def _take(self, *, lost: bool) -> bool:
        """Take what there is; whether there may be more."""
        ids: list[UUID] = []
        if lost:
            ids += await self._take_lost()
        for mode, age_s in self._modes:
            room = self._room(ids)
            if room:
                ids += await self.database.run(
                    partial(
                        queue.claim, owner=self.owner, lease_s=settings.RUN_LEASE_S, mode=mode, slots=room,
                        age_s=age_s,
                    )
                )  # fmt: skip
        if ids:
            for run in await self.database.run(partial(queue.load, ids=ids)):
                self._begin(run)
        return bool(ids) and self._room(()) > 0

    async def _take_lost(self) -> list[UUID]:
        """Take runs over, fewer at once the more their processes died: so it shows which run ends them."""
        ids: list[UUID] = []
        suspects = [run.run.stalls for run in self._runs.values() if run.run.stalls >= SUSPICIOUS]
        for least, most, at_once in SUSPICION:
            room = self._room(ids)
            if least >= SUSPICIOUS:
                # the most suspicious one here decides how many go beside it
                allowed = min([at_once, *(_at_once(stalls) for stalls in suspects)])
                room = min(room, allowed - len(suspects))
            if room <= 0:
                continue
            taken = await self.database.run(
                partial(
                    queue.take_over, owner=self.owner, lease_s=settings.RUN_LEASE_S, slots=room,
                    stalls=(least, most),
                )
            )  # fmt: skip
            ids += taken
            if least >= SUSPICIOUS:
                suspects += [least] * len(taken)
        return ids

    def _room(self, taken: Sequence[UUID]) -> int:
        return min(BATCH, max(0, self._slots - len(self._runs) - len(taken)))

    def _begin(self, run: Claimed) -> None:
        if run.id in self._runs:
            # our own lease ran out while the process stood still: what goes on here is the older one
            self._runs[run.id].abandon()
        execution = Execution(run, self)
        self._runs[run.id] = execution
        current_hub().on_command(run.id, execution.on_command)
        execution.task = self.spawn(self._execute(execution), f"run-{run.id}")

    async def _execute(self, execution: Execution) -> None:
        try:
            # commands must arrive from the first moment on
            await current_hub().ready()
            await execution.execute()
        except Exception:
            # the lease runs out and the run is taken up again
            logger.exception("Run %s could not be closed.", execution.id)
        finally:
            if self._runs.get(execution.id) is execution:
                del self._runs[execution.id]
                current_hub().on_command(execution.id, None)
            self._wake.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(settings.RUN_HEARTBEAT_S)
            # runs that begin while the database works are not part of this round
            asked = dict(self._runs)
            if not asked:
                continue
            held = await self.database.run(
                partial(queue.renew, ids=list(asked), owner=self.owner, lease_s=settings.RUN_LEASE_S)
            )
            for run_id, execution in asked.items():
                if held.get(run_id):
                    execution.on_command("stop")
                elif run_id not in held and self._runs.get(run_id) is execution and not execution.closing:
                    execution.abandon()

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await self.database.connect() as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(QUEUE_CHANNEL)))
                    pause = 0.1
                    self._wake.set()
                    wanted = {str(mode) for mode, _age in self._modes}
                    async for notification in connection.notifies():
                        if notification.payload in wanted:
                            self._wake.set()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                logger.warning("executor: listening again in %.1f s (%s)", pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def _at_once(stalls: int) -> int:
    """How many runs under this suspicion a process executes at once."""
    return next(at_once for least, most, at_once in SUSPICION if least <= stalls <= most)
