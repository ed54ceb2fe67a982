"""The event stream decoder: wherever the bytes are cut, the same events come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.wire import sse
from apps.providers.wire.sse import EventTooLargeError, SSEDecoder

STREAMS = [
    b"data: a\n\ndata: b\n\n",
    b"data: a\r\n\r\ndata: b\r\n\r\n",
    b"data: a\r\rdata: b\r\r",
    b"\xef\xbb\xbfdata: a\n\n: comment\n\nid: 7\nevent: x\nretry: 10\ndata:b",
    b": ping\n\n: ping\n\ndata: a\ndata\ndata:  c\n\ndata:b\n",
    'data: 你好\n\ndata: {"x": "\\n"}\n\ndata: [DONE]\n\n'.encode(),
]
EVENTS = [
    [b"a", b"b"],
    [b"a", b"b"],
    [b"a", b"b"],
    [b"a", b"b"],
    [b"a\n\n c", b"b"],
    ["你好".encode(), b'{"x": "\\n"}', b"[DONE]"],
]


def decode(chunks: list[bytes]) -> list[bytes]:
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.finish()


@pytest.mark.parametrize(("stream", "events"), list(zip(STREAMS, EVENTS, strict=True)))
def test_streams_are_decoded_whole_and_byte_by_byte(stream: bytes, events: list[bytes]) -> None:
    assert decode([stream]) == events
    assert decode([bytes([byte]) for byte in stream]) == events


LINES = st.lists(
    st.sampled_from(
        [
            b"data: x",
            b"data:",
            b"data",
            b": c",
            b"event: e",
            b"",
            b"",
            b"id: 1",
            "data: 茶".encode(),
            b"other",
        ]
    )
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.data())
def test_any_cut_gives_the_same_events(parts: list[tuple[list[bytes], bytes]], data: st.DataObject) -> None:
    stream = b"".join(line + end for lines, end in parts for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(pieces) == decode([stream])


@given(st.binary(max_size=400), st.integers(1, 40))
def test_no_bytes_break_it(stream: bytes, size: int) -> None:
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert decode(pieces) == decode([stream])


def test_an_event_without_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    decoder = SSEDecoder()
    for _ in range(20):
        decoder.feed(b"data: 0123456789\n\n: ping\n\n")
    decoder.feed(b"data: " + b"x" * 80)
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"x" * 80)
