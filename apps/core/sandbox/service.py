"""What nodes, evaluators and tools call to run somebody's code."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.utils.translation import gettext as _
from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

from apps.core.exceptions import FlywheelError, Invalid, TooLarge
from apps.core.sandbox.client import (
    Broker,
    LocalTransport,
    RemoteTransport,
    Transport,
    check_types,
    current_gate,
    declared_outputs,
    execute,
    metrics,
)
from apps.core.sandbox.errors import JobCrashed, SandboxBusy, SandboxUnavailable
from apps.core.sandbox.jobs import JSON, CodeJob, JobResult, Language, Limits
from apps.core.sandbox.policy import Policy, keep_policy, kept_policy, narrowed, read_policy

MAX_CODE_CHARS = 256 * 1024
PATIENCE_S = 30.0  # how long a job waits for a turn
BUSY_WAIT_S = (0.005, 0.1)  # first and longest pause when other processes hold the sandbox's slots
LOST_AT_ONCE_S = 0.1
LANGUAGES: tuple[Language, ...] = ("python", "javascript")

# the names of `tracing`, which this app lies below
_TYPE, _INPUT, _OUTPUT, _WORKSPACE = (
    "flywheel.observation.type",
    "flywheel.input",
    "flywheel.output",
    "flywheel.workspace.id",
)
_SHOWN_CHARS = 64 * 1024
_tracer = trace.get_tracer(__name__)


async def run_code(
    *,
    workspace_id: UUID,
    language: Language,
    code: str,
    inputs: Mapping[str, JSON],
    outputs: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    limits: Limits | None = None,
    timeout_s: float | None = None,
) -> JobResult:
    """Call `main` in `code` with `inputs` and return what it returned.

    `outputs` declares the result's names and types (`string number integer boolean object array array[…] any`).
    `limits` and `timeout_s` narrow the workspace's policy, never widen it. Cancelling the task kills the job.

    Raises:
        Invalid, TooLarge: the call itself is wrong.
        SandboxError: the subclass says why there is no result; `retryable` whether to try again.
    """
    _check_call(language, code, outputs)
    policy = await current_policy(workspace_id)
    job = CodeJob(
        language=language,
        code=code,
        inputs=inputs,
        files=files or {},
        limits=narrowed(policy.limits, limits, timeout_s),
        network=policy.hosts,
    )
    async with _recorded(workspace_id, job) as span:
        result = await _run_in_turn(workspace_id, job, policy)
        if outputs is not None:
            result = replace(result, value=declared_outputs(result.value, outputs))
        _show(span, _OUTPUT, result.value)
        metrics.CPU_SECONDS.labels(language).inc(result.cpu_ms / 1000)
        return result


run_code_sync = async_to_sync(run_code)


async def sandbox_state() -> dict[str, Any]:
    """How the sandbox is: `running`, `reason` (why not), and its own report with layers, zygotes and counters."""
    try:
        report = await transport().state()
    except SandboxUnavailable as error:
        return {"running": False, "reason": error.message, "layers": [], "minimum": [], "zygotes": []}
    reason = str(report.get("refused") or "")
    return {**report, "running": not reason, "reason": reason}


async def current_policy(workspace_id: UUID) -> Policy:
    """The limits that hold for a workspace."""
    policy = kept_policy(workspace_id)
    if policy is None:
        policy = await sync_to_async(read_policy)(workspace_id)
        keep_policy(workspace_id, policy)
    return policy


@cache
def transport() -> Transport:
    """The way to the sandbox, from the settings."""
    if settings.SANDBOX_URL:
        return RemoteTransport(
            settings.SANDBOX_URL,
            ca=settings.SANDBOX_CA,
            certificate=settings.SANDBOX_CERT,
            key=settings.SANDBOX_KEY,
            packages=settings.SANDBOX_PACKAGES,
        )
    return LocalTransport(settings.SANDBOX_SOCKET, settings.SANDBOX_PACKAGES)


def _check_call(language: str, code: str, outputs: Mapping[str, str] | None) -> None:
    if language not in LANGUAGES:
        raise Invalid(_("Code is written in Python or JavaScript."))
    if len(code) > MAX_CODE_CHARS:
        raise TooLarge(_("The code is longer than %(count)s characters.") % {"count": MAX_CODE_CHARS})
    if outputs is not None:
        check_types(outputs)


async def _run_in_turn(workspace_id: UUID, job: CodeJob, policy: Policy) -> JobResult:
    gate = current_gate(settings.SANDBOX_CLIENT_JOBS, settings.SANDBOX_QUEUE)
    async with gate.enter(workspace_id, policy.concurrency, PATIENCE_S):
        metrics.RUNNING.inc()
        try:
            return await _run_when_free(job, policy)
        finally:
            metrics.RUNNING.dec()


async def _run_when_free(job: CodeJob, policy: Policy) -> JobResult:
    """Wait out other processes that hold all slots, and a sandbox that restarts.

    A job that was told *busy* has not begun. One that was lost at once went to a process that was about to end; it
    is given to the next one, because nothing it may have done can be seen: it asked for nothing.
    """
    deadline = time.monotonic() + PATIENCE_S
    pause, longest = BUSY_WAIT_S
    while True:
        broker = Broker(job.network, allow_private=policy.allow_private, timeout_s=job.limits.wall_s)
        began = time.monotonic()
        try:
            async with broker:
                return await execute(transport(), job, broker.answer)
        except SandboxBusy:
            if time.monotonic() + pause > deadline:
                raise
        except JobCrashed:
            now = time.monotonic()
            if broker.asked or now - began > LOST_AT_ONCE_S or now + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)


@asynccontextmanager
async def _recorded(workspace_id: UUID, job: CodeJob) -> AsyncIterator[Span]:
    """One span and one count per job, whatever its end."""
    started = time.perf_counter()
    outcome = "cancelled"
    with _tracer.start_as_current_span(
        f"code {job.language}", record_exception=False, set_status_on_exception=False
    ) as span:
        span.set_attributes(
            {_TYPE: "span", _WORKSPACE: str(workspace_id), "flywheel.code.language": job.language}
        )
        _show(span, _INPUT, dict(job.inputs))
        try:
            yield span
            outcome = "ok"
        except FlywheelError as error:
            outcome = error.code
            span.set_status(Status(StatusCode.ERROR, str(error.detail)))
            raise
        finally:
            metrics.JOBS.labels(job.language, outcome).inc()
            metrics.SECONDS.labels(job.language).observe(time.perf_counter() - started)
            span.set_attribute("flywheel.code.outcome", outcome)


def _show(span: Span, name: str, value: JSON) -> None:
    """Record content, unless the installation keeps content out of its traces."""
    if not (settings.TRACE_CONTENT and span.is_recording()):
        return
    try:
        span.set_attribute(name, json.dumps(value, ensure_ascii=False)[:_SHOWN_CHARS])
    except (TypeError, ValueError, RecursionError):
        return  # the job itself will be told what is wrong with its inputs
