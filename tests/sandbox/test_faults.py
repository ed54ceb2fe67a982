"""Processes of the sandbox that are killed in the middle of work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from apps.core.sandbox.client import execute
from apps.core.sandbox.errors import JobCrashed
from apps.core.sandbox.jobs import CodeJob, JobResult
from apps.core.sandbox.protocol import HttpRequest
from tests.sandbox.attacks.harness import Ground

SLEEP = {
    "python": "import time\ndef main():\n    time.sleep(8)\n    return {}",
    "javascript": "async function main() { await new Promise(done => setTimeout(done, 8000)); return {} }",
}
QUICK = {"python": "def main():\n    return {'a': 1}", "javascript": "function main() { return {a: 1} }"}


@pytest.fixture(scope="module")
def wounded():
    """A sandbox of its own."""
    ground = Ground()
    ground.wait()
    yield ground
    ground.close()


async def no_network(request: HttpRequest) -> bytes:
    raise AssertionError("not asked for")


def run(ground: Ground, language, code: str):
    return execute(ground.transport, CodeJob(language, code), no_network)


async def zygote(ground: Ground, language: str) -> int:
    state = await ground.transport.state()
    return next(one["pid"] for one in state["zygotes"] if one["socket"] == language)


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_a_killed_zygote_loses_its_jobs_only_and_is_replaced(wounded, language):
    other = "javascript" if language == "python" else "python"
    lost = [asyncio.create_task(run(wounded, language, SLEEP[language])) for _ in range(3)]
    await asyncio.sleep(0.3)
    os.kill(await zygote(wounded, language), signal.SIGKILL)
    assert (await run(wounded, other, QUICK[other])).value == {"a": 1}
    for ended in await asyncio.gather(*lost, return_exceptions=True):
        assert isinstance(ended, JobCrashed)
        assert ended.retryable
    assert (await run(wounded, language, QUICK[language])).value == {"a": 1}


async def test_a_killed_supervisor_takes_everything_along_and_the_next_one_works(wounded):
    lost = asyncio.create_task(run(wounded, "python", SLEEP["python"]))
    await asyncio.sleep(0.3)
    wounded.process.kill()
    wounded.process.wait()
    with pytest.raises(JobCrashed):
        await lost
    wounded.process = wounded.start()
    result = None
    while (
        result is None
    ):  # as the service does it: a dying process may take a job before the successor is there
        with contextlib.suppress(JobCrashed):
            result = await run(wounded, "python", QUICK["python"])
    assert isinstance(result, JobResult)
    await asyncio.to_thread(wounded.wait)
    assert (await run(wounded, "javascript", QUICK["javascript"])).value == {"a": 1}


async def test_a_storm_of_hang_ups_hurts_nobody_else(wounded):
    """Clients that leave at every moment: their jobs end, and the jobs of others do not."""

    async def leave(number: int) -> None:
        task = asyncio.create_task(run(wounded, "python", SLEEP["python"]))
        await asyncio.sleep(0.003 * (number % 10))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    before = wounded.busy()
    good = [run(wounded, language, QUICK[language]) for language in ("python", "javascript") * 15]
    turn = asyncio.Semaphore(6)

    async def paced(work):
        async with turn:
            return await work

    results = await asyncio.gather(
        *(paced(work) for pair in zip(good, map(leave, range(30)), strict=True) for work in pair)
    )
    assert sum(result is not None and result.value == {"a": 1} for result in results) == 30
    assert await asyncio.to_thread(wounded.settled, before)
