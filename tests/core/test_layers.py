"""The channel layer over LISTEN/NOTIFY: groups, sizes, processes, restarts."""

import asyncio
import logging
import multiprocessing
import threading
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.layers import PostgresChannelLayer
from apps.core.layers.wire import PART_BYTES, Assembler, Encoder, Kind, Message
from apps.core.postgres import EmbeddedPostgres

SECONDS = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    home = tmp_path_factory.mktemp("layers")
    for path in (home, home.parent, home.parent.parent):
        path.chmod(0o755)
    embedded = EmbeddedPostgres(home / "server")
    embedded.start()
    yield embedded
    embedded.stop()


@pytest.fixture
def layer(server: EmbeddedPostgres) -> PostgresChannelLayer:
    return PostgresChannelLayer(conninfo=server.start())


async def member(layer: PostgresChannelLayer, group: str) -> str:
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


async def receive(layer: PostgresChannelLayer, channel: str) -> Message:
    return await asyncio.wait_for(layer.receive(channel), SECONDS)


async def test_a_group_reaches_each_member_with_a_message_of_its_own(layer: PostgresChannelLayer) -> None:
    first, second = await member(layer, "everyone"), await member(layer, "everyone")
    outsider = await member(layer, "others")

    await layer.group_send("everyone", {"type": "hello", "blob": b"\x00\xff", "text": "你好"})
    await layer.group_send("others", {"type": "end"})

    mine, theirs = await receive(layer, first), await receive(layer, second)
    assert mine == theirs == {"type": "hello", "blob": b"\x00\xff", "text": "你好"}
    assert mine is not theirs
    assert await receive(layer, outsider) == {"type": "end"}


async def test_a_channel_receives_what_is_sent_to_it_alone(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "any")

    await layer.send(channel, {"type": "direct"})

    assert await receive(layer, channel) == {"type": "direct"}


async def test_a_member_that_left_receives_nothing(layer: PostgresChannelLayer) -> None:
    stays, leaves = await member(layer, "room"), await member(layer, "room")
    await layer.group_discard("room", leaves)

    await layer.group_send("room", {"type": "late"})
    await receive(layer, stays)
    await layer.send(leaves, {"type": "only"})

    assert await receive(layer, leaves) == {"type": "only"}


async def test_flush_forgets_groups_and_messages(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "flushed")
    await layer.flush()
    fresh = await member(layer, "flushed")

    await layer.group_send("flushed", {"type": "x"})

    assert await receive(layer, fresh) == {"type": "x"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(channel), 0.05)


async def test_equal_messages_are_all_delivered_in_order(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "ordered")
    numbers = [number // 2 for number in range(400)]  # neighbours are equal, and share statements

    await asyncio.gather(*(layer.group_send("ordered", {"n": number}) for number in numbers))

    assert [(await receive(layer, channel))["n"] for _ in numbers] == numbers


async def test_large_messages_travel_in_parts(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "large")
    texts = ["字" * 3_000, "x" * 200_000]

    await asyncio.gather(*(layer.group_send("large", {"text": text}) for text in texts))

    assert [(await receive(layer, channel))["text"] for _ in texts] == texts


async def test_threads_send_without_an_event_loop(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "threads")

    def send(number: int) -> None:
        layer.group_send_sync("threads", {"n": number})

    threads = [threading.Thread(target=send, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()

    received = [(await receive(layer, channel))["n"] for _ in threads]
    assert sorted(received) == list(range(8))


def send_from_child(layer: PostgresChannelLayer, number: int) -> None:
    layer.group_send_sync("processes", {"n": number, "text": "x" * 20_000})


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
async def test_forked_children_and_their_parent_all_send(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "processes")
    layer.group_send_sync("processes", {"n": 0})  # the connection exists before the fork
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=send_from_child, args=[layer, number]) for number in (1, 2)]
    for child in children:
        child.start()
    for child in children:
        await asyncio.to_thread(child.join)
    layer.group_send_sync("processes", {"n": 3})

    assert sorted([(await receive(layer, channel))["n"] for _ in range(4)]) == [0, 1, 2, 3]


def test_two_event_loops_share_a_layer(layer: PostgresChannelLayer) -> None:
    joined, received = threading.Event(), []

    async def listen() -> None:
        channel = await member(layer, "loops")
        joined.set()
        received.append(await receive(layer, channel))

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    assert joined.wait(SECONDS)
    asyncio.run(layer.group_send("loops", {"type": "across"}))
    thread.join(SECONDS)

    assert received == [{"type": "across"}]


async def test_a_restarted_server_is_found_again(
    layer: PostgresChannelLayer, server: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await member(layer, "restart")
    await layer.group_send("restart", {"n": 1})
    layer.group_send_sync("restart", {"n": 2})
    assert [(await receive(layer, channel))["n"] for _ in range(2)] == [1, 2]

    await asyncio.to_thread(server.stop)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(layer.group_add("restart", channel), SECONDS)  # returns once it listens again
    await layer.group_send("restart", {"n": 3})
    await asyncio.to_thread(layer.group_send_sync, "restart", {"n": 4})

    assert [(await receive(layer, channel))["n"] for _ in range(2)] == [3, 4]
    assert "lost the database" in caplog.text


async def test_a_sender_learns_that_the_server_stays_away() -> None:
    layer = PostgresChannelLayer(conninfo="postgresql://nobody:x@127.0.0.1:9/none")

    with pytest.raises(psycopg.OperationalError):
        await layer.group_send("any", {"type": "lost"})
    with pytest.raises(psycopg.OperationalError):
        await asyncio.to_thread(layer.group_send_sync, "any", {"type": "lost"})


async def test_a_slow_consumer_loses_messages_and_it_is_logged_once(
    server: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    layer = PostgresChannelLayer(conninfo=server.start(), capacity=2)
    slow, witness = await member(layer, "slow"), await member(layer, "witness")
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            await layer.group_send("slow", {"n": number})
        await layer.group_send("witness", {"type": "after"})
        await receive(layer, witness)

    assert [(await receive(layer, slow))["n"] for _ in range(2)] == [0, 1]
    assert caplog.text.count("dropping more") == 1


async def test_a_consumer_that_went_away_leaves_nothing_behind(layer: PostgresChannelLayer) -> None:
    channel = await member(layer, "gone")
    waiting = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    listener = layer._here().listener
    assert channel not in listener._queues
    assert "gone" not in listener._members


async def test_names_are_checked(layer: PostgresChannelLayer) -> None:
    with pytest.raises(TypeError):
        await layer.group_send("not a group|name", {})
    with pytest.raises(TypeError):
        layer.group_send_sync("x" * 101, {})


@given(st.binary(max_size=3 * PART_BYTES), st.randoms(use_true_random=False))
def test_parts_in_any_order_give_the_message_back(blob: bytes, random: Random) -> None:
    payloads = Encoder().encode(Kind.GROUP, "g", {"blob": blob})
    random.shuffle(payloads)
    assembler = Assembler()

    packets = [packet for payload in payloads if (packet := assembler.add(payload))]

    assert [packet.message() for packet in packets] == [{"blob": blob}]
    assert all(len(payload.encode()) < 8_000 for payload in payloads)


def test_parts_whose_rest_never_comes_are_forgotten() -> None:
    assembler, encoder = Assembler(), Encoder()
    first_parts = [encoder.encode(Kind.GROUP, "g", {"blob": b"x" * 20_000}) for _ in range(300)]

    for payloads in first_parts:
        assert assembler.add(payloads[0]) is None

    assert len(assembler._partial) == 256
    assert [bool(assembler.add(payload)) for payload in first_parts[-1][1:]][-1]
