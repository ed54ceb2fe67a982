"""Telling the address that a caller named of a run's end."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID

import aiohttp
import orjson

from apps.core.http import client_session, read_limited
from apps.core.jobs import JobContext, JobFailed
from apps.workflows.models import WorkflowRun
from apps.workflows.payloads import run_payload

#: Seconds between tries.
PAUSES: Final = (1.0, 4.0, 15.0, 60.0)
_TIMEOUT_S: Final = 15.0
_MAX_ANSWER: Final = 64 * 1024


def deliver(ctx: JobContext, run_id: UUID) -> None:
    """POST the run as JSON to its callback address; a server that fails is asked again. Raises JobFailed."""
    run = WorkflowRun.objects.select_related("workspace").get(pk=run_id)
    pauses = [*PAUSES, None]
    for number, pause in enumerate(pauses, 1):
        ctx.progress(number - 1, len(pauses), run.callback_url[:200])
        problem = asyncio.run(_post(run))
        if not problem:
            _settle(run, "delivered")
            return
        if pause is not None:
            _sleep(ctx, pause)
    _settle(run, "failed")
    raise JobFailed(problem)


async def _post(run: WorkflowRun) -> str:
    """One try; returns what went wrong, or nothing."""
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": str(run.pk),
        "X-Flywheel-Run": str(run.pk),
        "User-Agent": "Flywheel",
    }
    body = orjson.dumps(_content(run), default=str)
    private = run.workspace.allow_private_network
    try:
        async with (
            client_session(allow_private=private, timeout=_TIMEOUT_S) as session,
            session.post(run.callback_url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            await read_limited(response, _MAX_ANSWER)
            return "" if response.status < 300 else f"The address answered with status {response.status}."
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return str(error) or type(error).__name__


def _content(run: WorkflowRun) -> dict[str, Any]:
    return {"event": "run.ended", "run": run_payload(run)}


def _sleep(ctx: JobContext, seconds: float) -> None:
    """Rest, and notice when the job is cancelled or lost."""
    for _ in range(max(1, round(seconds))):
        ctx.checkpoint()
        asyncio.run(asyncio.sleep(min(seconds, 1.0)))


def _settle(run: WorkflowRun, state: str) -> None:
    WorkflowRun.objects.filter(pk=run.pk).update(callback_state=state)
