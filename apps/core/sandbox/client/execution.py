"""One job from its first byte to its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.core.sandbox import outcome, protocol
from apps.core.sandbox.client.channel import Channel, Transport
from apps.core.sandbox.errors import ForbiddenOperation, JobCrashed, SandboxError
from apps.core.sandbox.jobs import CodeJob, JobResult
from apps.core.sandbox.protocol import HttpRequest, Verdict

MAX_REQUESTS = 200  # the broker refuses long before, in words; more is a flood
GRACE_S = 5.0  # the sandbox ends a job at its wall limit by itself; past this nothing will come any more

Answerer = Callable[[HttpRequest], Awaitable[bytes]]


async def execute(transport: Transport, job: CodeJob, answer: Answerer) -> JobResult:
    """Run `job` once; `answer` makes the frame that answers a request for the network.

    Cancelling the task kills the job, because leaving the channel does.

    Raises:
        Invalid: inputs that are no JSON.
        SandboxError: the subclass says why there is no result.
    """
    payload = _encode(job)
    try:
        async with asyncio.timeout(job.limits.wall_s + GRACE_S), transport.open(job) as channel:
            return await _converse(channel, job, payload, answer)
    except TimeoutError:
        raise JobCrashed from None


def _encode(job: CodeJob) -> bytes:
    try:
        return protocol.encode_job(job)
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(_("The inputs cannot be sent: %(reason)s") % {"reason": error}) from None


async def _converse(channel: Channel, job: CodeJob, payload: bytes, answer: Answerer) -> JobResult:
    transcript = outcome.Transcript(job.limits)
    # a job that prints before it has read everything must not wait for us while we wait for it
    sending = asyncio.ensure_future(channel.send(payload))
    try:
        verdict = await _listen(channel, transcript, answer, MAX_REQUESTS if job.network else 0)
    except SandboxError as error:
        error.stdout, error.stderr = transcript.stdout, transcript.stderr
        raise
    finally:
        sending.cancel()
    return outcome.conclude(transcript, verdict, job.limits)


async def _listen(
    channel: Channel, transcript: outcome.Transcript, answer: Answerer, requests_left: int
) -> Verdict | None:
    """Hear the job out. The end of its process is only waited for when it did not say everything before."""
    started = time.perf_counter()
    while data := await channel.receive():
        for request in transcript.feed(data):
            requests_left -= 1
            if requests_left < 0:  # it has no network, or floods us: answering would cost us, not the job
                raise ForbiddenOperation
            await channel.send(await answer(request))
        if transcript.done and channel.leaves_early:
            return transcript.own_verdict((time.perf_counter() - started) * 1000)
    return await channel.verdict()
