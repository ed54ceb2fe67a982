"""The client against a sandbox that misbehaves."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from apps.core.exceptions import Invalid
from apps.core.sandbox import protocol
from apps.core.sandbox.client import Gate, LocalTransport, execute
from apps.core.sandbox.errors import (
    CodeFailed,
    CpuLimitExceeded,
    ForbiddenOperation,
    JobCrashed,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    ResultNotJson,
    ResultTooLarge,
    SandboxBusy,
    SandboxUnavailable,
    WallLimitExceeded,
)
from apps.core.sandbox.jobs import CodeJob, Limits
from tests.sandbox.fake import FakeJob, FakeSandbox, echo


@pytest.fixture
def fake(tmp_path):
    sandbox = FakeSandbox(tmp_path / "s")
    yield sandbox
    sandbox.close()


async def no_network(request):
    raise AssertionError("not asked for")


def run(fake: FakeSandbox, job: CodeJob | None = None, answer=no_network):
    return execute(LocalTransport(fake.directory), job or CodeJob("python", "…", {"a": 1}), answer)


async def test_a_job_goes_there_and_its_result_comes_back(fake):
    result = await run(fake, CodeJob("javascript", "…", {"text": "é\u2028", "list": [1, None, True]}))
    assert result.value == {"text": "é\u2028", "list": [1, None, True]}
    assert (result.cpu_ms, result.wall_ms) == (1.5, 2.5)


async def test_large_jobs_and_results_do_not_wait_for_each_other(fake):
    def chatty(job: FakeJob) -> None:
        for _ in range(40):
            job.send(protocol.STDOUT, b"x" * 50_000)  # before it has read its job
        echo(job)

    fake.behave = chatty
    inputs = {"text": "y" * 3_000_000}
    limits = Limits(output_kb=4000, result_kb=8000, string_chars=4_000_000)
    result = await run(fake, CodeJob("python", "…", inputs, limits=limits))
    assert result.value == inputs
    assert len(result.stdout) == 2_000_000


VERDICTS = [
    ({"exit_code": None, "signal": 9, "reason": "wall"}, WallLimitExceeded),
    ({"exit_code": None, "signal": 24}, CpuLimitExceeded),
    ({"exit_code": None, "signal": 9, "cpu_ms": 5000.0}, CpuLimitExceeded),
    ({"exit_code": None, "signal": 9, "cpu_ms": 10.0}, MemoryLimitExceeded),
    ({"exit_code": None, "signal": 31}, ForbiddenOperation),
    ({"exit_code": None, "signal": 11}, CodeFailed),
    ({"exit_code": 111}, CodeFailed),
    ({"ready": False}, JobCrashed),
    ({"state": "busy"}, SandboxBusy),
    ({"state": "failed", "message": "no memory"}, SandboxUnavailable),
]


@pytest.mark.parametrize(("verdict", "error"), VERDICTS)
async def test_each_end_has_its_error(fake, verdict, error):
    def behave(job: FakeJob) -> None:
        job.send(protocol.STDOUT, b"before")
        job.end(**verdict)

    fake.behave = behave
    with pytest.raises(error) as caught:
        await run(fake)
    assert caught.value.stdout == "before"
    assert caught.value.retryable is (error in {JobCrashed, SandboxBusy, SandboxUnavailable})


async def test_a_zygote_that_dies_gives_a_retryable_error(fake):
    def behave(job: FakeJob) -> None:
        job.read_job()
        job.data.close()
        job.control.close()

    fake.behave = behave
    with pytest.raises(JobCrashed) as caught:
        await run(fake)
    assert caught.value.retryable


FLOODS = [
    (protocol.STDOUT, b"x" * 100_000, OutputLimitExceeded),
    (protocol.STDERR, b"", OutputLimitExceeded),
    (protocol.FILE, b"\x01\x00a" + b"x" * 10_000, OutputLimitExceeded),
    (protocol.RESULT, b"{}", ResultNotJson),
    (protocol.VERDICT, b"{}", ResultNotJson),
    (b"\xff", b"", ResultNotJson),
    (protocol.REQUEST, b"[]", ResultNotJson),
]


@pytest.mark.parametrize(("kind", "payload", "error"), FLOODS)
async def test_a_flood_ends_the_job(fake, kind, payload, error):
    gone = threading.Event()

    def behave(job: FakeJob) -> None:
        job.read_job()
        many = protocol.frame(kind, payload) * (1000 if len(payload) < 1000 else 1)
        try:
            while True:
                job.data.sendall(many)
        except OSError:
            assert job.control.recv(10) == b""  # the lease is given back, which kills the job
            gone.set()

    fake.behave = behave
    with pytest.raises(error):
        await run(fake)
    assert await asyncio.to_thread(gone.wait, 5)


async def test_a_frame_that_announces_gigabytes_is_refused_by_its_header(fake):
    fake.behave = lambda job: (
        job.data.sendall(protocol.HEADER.pack(protocol.RESULT, 2**32 - 1)) or time.sleep(1)
    )
    with pytest.raises(ResultTooLarge):
        await run(fake)


async def test_cancelling_the_task_kills_the_job(fake):
    started, killed = threading.Event(), threading.Event()

    def behave(job: FakeJob) -> None:
        job.read_job()
        started.set()
        if job.control.recv(10) == b"":
            killed.set()

    fake.behave = behave
    task = asyncio.create_task(run(fake))
    assert await asyncio.to_thread(started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(killed.wait, 5)


async def test_a_job_that_hangs_past_every_limit_is_given_up(fake, monkeypatch):
    monkeypatch.setattr("apps.core.sandbox.client.execution.GRACE_S", 0.1)
    fake.behave = lambda job: job.control.recv(10)
    with pytest.raises(JobCrashed):
        await run(fake, CodeJob("python", "…", limits=Limits(wall_s=0.1)))


async def test_requests_are_answered_in_order(fake):
    def behave(job: FakeJob) -> None:
        meta, _code, _inputs = job.read_job()
        assert meta["network"] is True
        bodies = []
        for number in range(3):
            request = {"method": "GET", "url": f"http://h/{number}", "headers": {}, "body": ""}
            job.send(protocol.REQUEST, json.dumps(request).encode())
            kind, payload = job.read()
            assert kind == protocol.ANSWER
            bodies.append(json.loads(payload)["error"])
        job.send(protocol.RESULT, json.dumps({"ok": True, "value": bodies}).encode())
        job.end()

    async def answer(request):
        return protocol.refusal_frame(request.url)

    fake.behave = behave
    result = await run(fake, CodeJob("python", "…", network=("h",)), answer)
    assert result.value == ["http://h/0", "http://h/1", "http://h/2"]


@pytest.mark.parametrize(("hosts", "answered"), [((), 0), (("h",), 3)])
async def test_a_flood_of_requests_ends_the_job(fake, monkeypatch, hosts, answered):
    monkeypatch.setattr("apps.core.sandbox.client.execution.MAX_REQUESTS", 3)
    seen = []

    def behave(job: FakeJob) -> None:
        job.read_job()
        request = json.dumps({"method": "GET", "url": "http://h/", "headers": {}, "body": ""}).encode()
        while True:
            job.send(protocol.REQUEST, request)

    async def answer(request):
        seen.append(request.url)
        return protocol.refusal_frame("no")

    fake.behave = behave
    with pytest.raises(ForbiddenOperation):
        await run(fake, CodeJob("python", "…", network=hosts), answer)
    assert len(seen) == answered


@pytest.mark.parametrize("inputs", [{"a": float("nan")}, {"a": object()}, {"a": b"x"}])
async def test_inputs_that_are_no_json_are_the_callers_mistake(fake, inputs):
    with pytest.raises(Invalid):
        await run(fake, CodeJob("python", "…", inputs))


async def test_without_a_sandbox_the_error_says_so(tmp_path):
    with pytest.raises(SandboxUnavailable, match=r"manage\.py sandbox"):
        await execute(LocalTransport(tmp_path / "none"), CodeJob("python", ""), no_network)


async def test_a_refusal_gives_its_reason(tmp_path):
    (tmp_path / protocol.REFUSED_FILE).write_text("seccomp is missing here.\n")
    with pytest.raises(SandboxUnavailable, match="seccomp is missing here"):
        await execute(LocalTransport(tmp_path), CodeJob("python", ""), no_network)
    with pytest.raises(SandboxUnavailable, match="seccomp is missing here"):
        await LocalTransport(tmp_path).state()


async def test_a_sandbox_that_restarts_gets_a_moment(tmp_path):
    tmp_path.joinpath("s").mkdir()
    task = asyncio.create_task(
        execute(LocalTransport(tmp_path / "s"), CodeJob("python", "…", {"a": 1}), no_network)
    )
    await asyncio.sleep(0.12)
    fake = FakeSandbox(tmp_path / "s")
    assert (await task).value == {"a": 1}
    fake.close()


async def test_state_is_what_the_sandbox_reports(fake):
    fake.state = {"layers": [{"name": "seccomp", "on": True, "why": "…"}]}
    assert await LocalTransport(fake.directory).state() == fake.state


async def hold(gate: Gate, key: str, log: list[str], release: asyncio.Event, limit: int = 10):
    async with gate.enter(key, limit, 5):
        log.append(key)
        await release.wait()


async def test_workspaces_take_turns(monkeypatch):
    gate, log = Gate(slots=1, queue=100), []
    events = [asyncio.Event() for _ in range(6)]
    keys = ["busy", "busy", "busy", "busy", "other", "third"]
    tasks = []
    for key, event in zip(keys, events, strict=True):
        tasks.append(asyncio.create_task(hold(gate, key, log, event)))
        await asyncio.sleep(0)
    for event in events:
        event.set()
    await asyncio.gather(*tasks)
    assert log[:4] == ["busy", "busy", "other", "third"]
    assert gate.waiting == 0


async def test_a_workspace_keeps_within_its_own_limit():
    gate, log, release = Gate(slots=10, queue=100), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(gate, "a", log, release, limit=2)) for _ in range(5)]
    tasks.append(asyncio.create_task(hold(gate, "b", log, release)))
    await asyncio.sleep(0.01)
    assert sorted(log) == ["a", "a", "b"]
    release.set()
    await asyncio.gather(*tasks)


async def test_a_full_queue_and_a_long_wait_are_busy():
    gate, log, release = Gate(slots=1, queue=1), [], asyncio.Event()
    first = asyncio.create_task(hold(gate, "a", log, release))
    await asyncio.sleep(0)
    with pytest.raises(SandboxBusy):
        async with gate.enter("b", 1, patience_s=0.01):
            raise AssertionError("no slot is free")
    waiting = asyncio.create_task(hold(gate, "b", log, release))
    await asyncio.sleep(0)
    with pytest.raises(SandboxBusy):
        async with gate.enter("c", 1, patience_s=5):
            raise AssertionError("the queue is full")
    release.set()
    await asyncio.gather(first, waiting)


async def test_a_cancelled_wait_leaves_no_hole():
    gate, log, release = Gate(slots=1, queue=10), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(gate, "a", log, release)) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    release.set()
    tasks[2].cancel()  # at the moment in which its turn may come
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [
        type(None),
        asyncio.CancelledError,
        asyncio.CancelledError,
        type(None),
    ]
    async with gate.enter("z", 1, 1):
        assert gate.waiting == 0
