"""The websockets of runs: one run's events as they are committed, and which runs of a list changed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, cast
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation
from django.utils.translation import gettext as _

from apps.agents.consumers import NOT_FOUND, NOT_SIGNED_IN, scope_language
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, Invalid, NotFound
from apps.core.ids import is_uuid
from apps.core.models import User
from apps.core.numbers import whole_number
from apps.core.streams import current_hub
from apps.workflows.engine import LIVE
from apps.workflows.models import WorkflowRun
from apps.workflows.payloads import run_payload, wait_payload
from apps.workflows.selectors import watched_run, watched_runs
from apps.workflows.services.run import cancel_run

MAX_COMMAND_CHARS: Final = 10_000
MOST_RUNS: Final = 100
#: Seconds over which changes are collected: a busy run changes its row many times in one.
PAUSE: Final = 0.3


class RunConsumer(AsyncWebsocketConsumer):
    """`/ws/runs/<run>/?after=<seq>`: for everybody who may see the run.

    Sends `{"type": "ready", "run", "waits"}`, then each event as `{"seq", "type", "data"}`. After the last event comes
    `{"type": "ended", "run"}`. Commands: `{"type": "stop", "reason"?}`.
    """

    # This consumer neither joins groups nor is sent to; without a layer it costs no listening task.
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._following: asyncio.Task[None] | None = None
        self._language = "en"

    async def connect(self) -> None:
        """Let people in who may see the run; others get a close code."""
        self._language = scope_language(self.scope)
        # a close before accepting is a bare 403; browsers can only read the code of an accepted socket
        await self.accept()
        if self._person() is None:
            await self.close(code=NOT_SIGNED_IN)
            return
        try:
            run, waits = await in_thread(self._found)
        except FlywheelError:
            await self.close(code=NOT_FOUND)
            return
        await self._send({"type": "ready", "run": run_payload(run), "waits": waits})
        if run.is_final and not run.ledger_kept:
            await self._send({"type": "ended", "run": run_payload(run)})
            return
        self._following = asyncio.get_running_loop().create_task(self._forward(run.pk, _after(self.scope)))

    async def disconnect(self, code: int) -> None:
        """Stop following; the run goes on."""
        if self._following is not None:
            self._following.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle one command; a wrong one is answered with an error and harms nothing."""
        with translation.override(self._language):
            try:
                command = _parse(text_data)
                await in_thread(self._stop, str(command.get("reason") or ""))
            except FlywheelError as error:
                await self._send(
                    {"type": "error", "code": error.code, "detail": str(error.detail), **error.extra}
                )

    def _person(self) -> User | None:
        found: Any = self.scope["user"]
        return found if found.is_authenticated else None

    def _found(self) -> tuple[WorkflowRun, list[dict[str, Any]]]:
        person = self._person()
        if person is None:
            raise NotFound
        run = watched_run(person, self.scope["url_route"]["kwargs"]["run_id"])
        return run, [wait_payload(wait) for wait in run.waits.open()]

    def _stop(self, reason: str) -> None:
        run, _waits = self._found()
        person = self._person()
        if person is not None:
            cancel_run(actor=Actor.for_user(person), run=run, reason=reason)

    async def _forward(self, run_id: UUID, after_seq: int) -> None:
        # asgiref types a message by all its optional keys
        send = cast("Any", self.base_send)
        async with contextlib.aclosing(current_hub().subscribe(run_id, after_seq)) as events:
            async for event in events:
                text = f'{{"seq":{event.seq},"type":"{event.type}","data":{event.json}}}'
                await send({"type": "websocket.send", "text": text})
        run, _waits = await in_thread(self._found)
        await self._send({"type": "ended", "run": run_payload(run)})

    async def _send(self, content: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(content, default=str).decode())


class RunListConsumer(AsyncWebsocketConsumer):
    """`/ws/runs/?ids=<run>,<run>`: for the runs among them that the person may see.

    Sends `{"type": "ready", "runs": n}`, then `{"type": "changed", "runs": [id, …]}` as something happens in them, the
    end included. Runs that ended before are said to have changed at once: the page may not know.
    """

    # This consumer neither joins groups nor is sent to; without a layer it costs no listening task.
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Let signed-in people in, and follow what they may see."""
        # a close before accepting is a bare 403; browsers can only read the code of an accepted socket
        await self.accept()
        person: Any = self.scope["user"]
        if not person.is_authenticated:
            await self.close(code=NOT_SIGNED_IN)
            return
        wanted = _wanted(self.scope)
        found = await in_thread(watched_runs, person, wanted)
        await self._send({"type": "ready", "runs": len(found)})
        self._mark(set(wanted) - found.keys())
        start = asyncio.get_running_loop().create_task
        self._tasks = [start(self._follow(run, seq)) for run, seq in found.items()]
        self._tasks.append(start(self._tell()))

    async def disconnect(self, code: int) -> None:
        """Stop following; the runs go on."""
        for task in self._tasks:
            task.cancel()

    async def _follow(self, run: UUID, seq: int) -> None:
        # begins with the latest event once more: the run may have ended while the list was asked for
        async with contextlib.aclosing(current_hub().subscribe(run, max(seq - 1, 0))) as events:
            async for event in events:
                if event.type not in LIVE and event.seq > seq:
                    self._mark({run})
        self._mark({run})

    def _mark(self, runs: set[UUID]) -> None:
        if runs:
            self._changed |= runs
            self._wake.set()

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            runs, self._changed = self._changed, set()
            await self._send({"type": "changed", "runs": sorted(map(str, runs))})
            await asyncio.sleep(PAUSE)

    async def _send(self, content: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(content).decode())


def _parse(text: str | None) -> dict[str, Any]:
    try:
        command = orjson.loads(text) if text and len(text) <= MAX_COMMAND_CHARS else None
    except orjson.JSONDecodeError:
        command = None
    if not isinstance(command, dict) or command.get("type") != "stop":
        raise Invalid(_("Send a JSON object with the type stop."))
    return command


def _after(scope: Any) -> int:
    """The number of the last event the client has."""
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("after", ["0"])[-1]
    return whole_number(given) or 0


def _wanted(scope: Any) -> list[UUID]:
    """The runs that the list shows; what is no id is left out."""
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ids", [""])[-1]
    return [UUID(one) for one in given.split(",")[:MOST_RUNS] if is_uuid(one)]
