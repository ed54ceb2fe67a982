"""The run-event ledger: nothing lost, nothing doubled, whoever writes, watches or dies."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.streams import (
    StoredEvent,
    StreamBrokenError,
    StreamHub,
    StreamTakenError,
    append_now,
    command_now,
    open_hub,
    purge,
)
from apps.core.streams.current import conninfo
from apps.core.streams.events import dump_json, join_text
from apps.core.streams.signals import Command, Progress, decode, encode_command, encode_progress

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dsn(transactional_db: None) -> str:
    return conninfo()


@pytest.fixture
async def hub(dsn: str) -> AsyncIterator[StreamHub]:
    async with open_hub(dsn, interval=0.005) as opened:
        yield opened


async def collect(
    hub: StreamHub, stream_id: UUID, after: int = 0, limit: int | None = None
) -> list[StoredEvent]:
    got: list[StoredEvent] = []
    async with contextlib.aclosing(hub.subscribe(stream_id, after)) as events:
        async for event in events:
            got.append(event)
            if limit is not None and len(got) >= limit:
                break
    return got


def said(events: list[StoredEvent]) -> str:
    return "".join(e.data["text"] for e in events if e.type == "text.delta")


async def write(hub: StreamHub, stream_id: UUID, words: list[str], pause: float = 0.0) -> None:
    stream = hub.open(stream_id)
    await stream.append("retrieval.started", {"query": "q"})
    for word in words:
        await stream.append_text("text.delta", word)
        if pause:
            await asyncio.sleep(pause)
    await stream.append("run.completed", {})
    await stream.flush()


async def test_live_watcher_gets_every_event_in_order(hub: StreamHub) -> None:
    stream_id = uuid4()
    watcher = asyncio.create_task(collect(hub, stream_id))
    await asyncio.sleep(0.05)
    await write(hub, stream_id, [f"w{i} " for i in range(50)], pause=0.001)
    events = await asyncio.wait_for(watcher, 5)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert events[0].type == "retrieval.started"
    assert events[-1].type == "run.completed"
    assert said(events) == "".join(f"w{i} " for i in range(50))


async def test_nothing_is_delivered_before_its_commit(hub: StreamHub, dsn: str) -> None:
    stream_id = uuid4()

    async def check() -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
            async for event in hub.subscribe(stream_id):
                cursor = await other.execute(
                    "SELECT 1 FROM core_streamevent WHERE stream_id = %s AND seq = %s", (stream_id, event.seq)
                )
                assert await cursor.fetchone() is not None

    watcher = asyncio.create_task(check())
    await asyncio.sleep(0.05)
    await write(hub, stream_id, ["a", "b", "c"] * 10, pause=0.002)
    await asyncio.wait_for(watcher, 5)


async def test_neighbouring_text_is_joined_and_other_types_keep_their_place(hub: StreamHub) -> None:
    stream_id = uuid4()
    stream = hub.open(stream_id)
    for kind, text in [
        ("text.delta", "a"),
        ("text.delta", "b"),
        ("reasoning.delta", "r"),
        ("text.delta", "c"),
    ]:
        await stream.append_text(kind, text)
    await stream.append("run.completed", {})
    await stream.flush()
    events = await hub.events(stream_id)
    assert [(e.seq, e.type) for e in events] == [
        (1, "text.delta"), (2, "reasoning.delta"), (3, "text.delta"), (4, "run.completed"),
    ]  # fmt: skip
    assert events[0].data == {"text": "ab"}


async def test_replay_from_every_seq_and_live_agree(hub: StreamHub) -> None:
    stream_id = uuid4()
    words = [f"{i}," for i in range(30)]
    watcher = asyncio.create_task(collect(hub, stream_id))
    await asyncio.sleep(0.05)
    await write(hub, stream_id, words, pause=0.006)
    live = await asyncio.wait_for(watcher, 5)
    assert len(live) > 20
    for k in range(len(live)):
        rest = (
            await asyncio.wait_for(collect(hub, stream_id, after=live[k].seq), 5) if k < len(live) - 1 else []
        )
        assert said(live[: k + 1]) + said(rest) == "".join(words)


async def test_reconnecting_in_the_middle_again_and_again_loses_nothing(hub: StreamHub) -> None:
    stream_id = uuid4()
    words = [f"{i}-" for i in range(120)]
    writing = asyncio.create_task(write(hub, stream_id, words, pause=0.002))
    got: list[StoredEvent] = []
    while not got or not got[-1].terminal:
        got += await asyncio.wait_for(collect(hub, stream_id, after=got[-1].seq if got else 0, limit=5), 5)
    await writing
    assert said(got) == "".join(words)
    assert [e.seq for e in got] == sorted({e.seq for e in got})


async def test_watcher_in_another_process_sees_the_same(hub: StreamHub, dsn: str) -> None:
    stream_id = uuid4()
    program = textwrap.dedent(
        """
        import asyncio, sys
        from uuid import UUID
        from apps.core.streams.hub import open_hub
        async def main():
            async with open_hub(sys.argv[1]) as hub:
                await hub.ready()
                print("ready", flush=True)
                async for event in hub.subscribe(UUID(sys.argv[2])):
                    if event.type == "text.delta":
                        print(event.data["text"], end="", flush=True)
        asyncio.run(main())
        """
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, dsn, str(stream_id), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"ready\n"
    words = [f"{i} " for i in range(60)]
    await write(hub, stream_id, words, pause=0.002)
    out = await asyncio.wait_for(child.stdout.read(), 10)
    assert await child.wait() == 0
    assert out.decode() == "".join(words)


async def test_two_hubs_share_many_streams(hub: StreamHub, dsn: str) -> None:
    ids = [uuid4() for _ in range(300)]
    async with open_hub(dsn) as other:
        watchers = [asyncio.create_task(collect(other, i)) for i in ids]
        await other.ready()
        await asyncio.gather(*(write(hub, i, ["ä", "水", "🙂"] * 5, pause=0.001) for i in ids))
        results = await asyncio.wait_for(asyncio.gather(*watchers), 20)
    assert {said(events) for events in results} == {"ä水🙂" * 5}


async def test_killed_connections_lose_and_double_nothing(hub: StreamHub, dsn: str) -> None:
    stream_id = uuid4()
    words = [f"{i}." for i in range(150)]
    async with open_hub(dsn) as other:
        near, far = (
            asyncio.create_task(collect(hub, stream_id)),
            asyncio.create_task(collect(other, stream_id)),
        )
        writing = asyncio.create_task(write(hub, stream_id, words, pause=0.003))
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as killer:
            for _ in range(4):
                await asyncio.sleep(0.08)
                await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'flywheel-streams' AND datname = current_database()"
                )
        await asyncio.wait_for(writing, 10)
        for events in await asyncio.wait_for(asyncio.gather(near, far), 10):
            assert said(events) == "".join(words)
            assert [e.seq for e in events] == sorted({e.seq for e in events})
    stored = await hub.events(stream_id)
    assert said(stored) == "".join(words)


async def test_slow_watcher_is_bounded_and_still_gets_all(dsn: str) -> None:
    stream_id = uuid4()
    async with open_hub(dsn, interval=0.001, buffer=4) as hub:
        got: list[StoredEvent] = []

        async def slow() -> None:
            async for event in hub.subscribe(stream_id):
                got.append(event)
                await asyncio.sleep(0.01)

        watcher = asyncio.create_task(slow())
        await write(hub, stream_id, [f"{i} " for i in range(100)], pause=0.001)
        await asyncio.wait_for(watcher, 10)
    assert said(got) == "".join(f"{i} " for i in range(100))


async def test_full_queue_makes_writers_wait(dsn: str) -> None:
    async with open_hub(dsn) as hub:
        hub.writer._capacity = 10
        stream = hub.open(uuid4())
        for i in range(200):
            await stream.append("step", {"i": i})
            assert hub.writer._size <= 10
        await stream.flush()
        assert len(await hub.events(stream.stream_id)) == 200


async def test_refused_event_breaks_its_own_stream_only(hub: StreamHub) -> None:
    good, bad = hub.open(uuid4()), hub.open(uuid4(), next_seq=2**40)
    await asyncio.gather(good.append("step", {}), bad.append("step", {}))
    await good.flush()
    assert len(await hub.events(good.stream_id)) == 1
    with pytest.raises(StreamBrokenError):
        await bad.append("step", {})


async def test_text_postgresql_cannot_store_is_cleaned(hub: StreamHub) -> None:
    stream = hub.open(uuid4())
    await stream.append_text("text.delta", "a\x00b\ud83dc")
    await stream.flush()
    assert said(await hub.events(stream.stream_id)) == "a\ufffdb?c"


def test_synchronous_append_continues_the_numbering(transactional_db: None) -> None:
    stream_id = uuid4()
    with connection.cursor() as cursor:
        assert [append_now(cursor, stream_id, "step", {"n": n}) for n in range(3)] == [1, 2, 3]


async def test_synchronous_append_and_command_reach_a_running_hub(hub: StreamHub, dsn: str) -> None:
    stream_id, heard = uuid4(), asyncio.Event()
    hub.on_command(stream_id, lambda name: heard.set() if name == "stop" else None)
    watcher = asyncio.create_task(collect(hub, stream_id))
    await hub.ready()

    def elsewhere() -> None:
        with psycopg.connect(dsn) as conn, conn.cursor() as cursor:
            append_now(cursor, stream_id, "run.interrupted", {})
            command_now(cursor, stream_id, "stop")

    await asyncio.to_thread(elsewhere)
    await asyncio.wait_for(heard.wait(), 2)
    assert [e.type for e in await asyncio.wait_for(watcher, 2)] == ["run.interrupted"]


async def test_purge_deletes_only_the_streams_named(hub: StreamHub, dsn: str) -> None:
    gone, kept = uuid4(), uuid4()
    await write(hub, gone, ["a"])
    await write(hub, kept, ["b"])
    with psycopg.connect(dsn) as conn, conn.cursor() as cursor:
        assert purge(cursor, [gone]) == 3
    assert await hub.events(gone) == []
    assert said(await hub.events(kept)) == "b"


def test_progress_payloads_stay_below_the_limit_and_say_all() -> None:
    heads = {uuid4(): i for i in range(1_000)}
    payloads = encode_progress("f" * 32, heads.items())
    assert max(len(p.encode()) for p in payloads) < 8_000
    decoded: dict[UUID, int] = {}
    for payload in payloads:
        signal = decode(payload)
        assert isinstance(signal, Progress)
        decoded |= signal.heads
    assert decoded == heads
    stream_id = uuid4()
    assert decode(encode_command(stream_id, "stop")) == Command(stream_id, "stop")
    assert decode("anything else") is None
    assert decode("=origin not-a-stream") is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["text.delta", "reasoning.delta", "step"]), st.text(st.characters(codec="utf-8"))
        )
    )
)
@settings(max_examples=50, deadline=None)
def test_joining_keeps_the_text_and_the_last_seq(parts: list[tuple[str, str]]) -> None:
    events = [
        StoredEvent(i, kind, dump_json({"text": text.replace("\x00", "")}))
        for i, (kind, text) in enumerate(parts, 1)
    ]
    joined = join_text(events)
    for kind in ("text.delta", "reasoning.delta", "step"):
        assert "".join(e.data["text"] for e in joined if e.type == kind) == "".join(
            e.data["text"] for e in events if e.type == kind
        )
    assert [e.seq for e in joined] == sorted({e.seq for e in joined})
    assert (joined[-1].seq if joined else 0) == len(events)


async def test_what_is_queued_when_the_loop_shuts_down_is_committed(dsn: str) -> None:
    async with open_hub(dsn) as hub:
        stream = hub.open(uuid4())
        await stream.append("step", {"n": 1})
        task = hub.writer._task
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await stream.append("step", {"n": 2})
        await stream.flush()
        assert [e.data["n"] for e in await hub.events(stream.stream_id)] == [1, 2]


async def test_a_writer_whose_stream_was_taken_over_stores_nothing_more(dsn: str) -> None:
    stream_id = uuid4()
    async with open_hub(dsn) as old, open_hub(dsn) as new:
        first = old.open(stream_id)
        first.put("step", {"n": 1})
        await first.flush()
        second = new.open(stream_id, 2)
        second.put("step", {"n": 2, "by": "new"})
        await second.flush()
        other = old.open(uuid4())
        for n in (2, 3):
            first.put("step", {"n": n, "by": "old"})
        other.put("step", {"n": 1})
        with pytest.raises(StreamTakenError):
            await first.flush()
        with pytest.raises(StreamTakenError):
            first.put("step", {"n": 4})
        await other.flush()
        assert [event.data.get("by") for event in await new.events(stream_id)] == [None, "new"]
        assert len(await new.events(other.stream_id)) == 1


async def test_what_nodes_say_is_joined_past_the_answer_and_keeps_its_place(hub: StreamHub) -> None:
    stream = hub.open(uuid4())
    for piece in "ab":
        stream.put_text("node.delta", piece, {"node": "llm", "path": "llm"})
        stream.put_text("text.delta", piece.upper())
        stream.put_text("node.delta", piece, {"node": "other", "path": "other"})
    stream.put("node.completed", {"path": "llm"})
    stream.put_text("node.delta", "c", {"node": "llm", "path": "llm"})
    await stream.flush()
    events = await hub.events(stream.stream_id)
    assert [(event.type, event.data.get("path"), event.data.get("text")) for event in events] == [
        ("node.delta", "llm", "ab"),
        ("text.delta", None, "AB"),
        ("node.delta", "other", "ab"),
        ("node.completed", "llm", None),
        ("node.delta", "llm", "c"),
    ]
