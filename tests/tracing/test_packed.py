"""Texts in one packed column: all of them, pieces, steps and sizes."""

import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.tracing.models import packed

WORDS = "Grüße 😀 an alle, 你好\n" * 40
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(params=["plain", "zstd", "long"])
def stored(request, monkeypatch):
    """Two texts in each of the stored forms, read in steps that end within characters."""
    monkeypatch.setattr(packed, "STEP_BYTES", 7)
    monkeypatch.setattr(packed, "LONG_BYTES", 10 if request.param == "long" else 10**9)
    kind = {"plain": packed.PLAIN, "zstd": packed.ZSTD, "long": packed.LONG}[request.param]
    made = packed.pack(WORDS, WORDS[::-1])
    if kind == packed.PLAIN:
        made = packed.PLAIN + f"{WORDS}\0{WORDS[::-1]}".encode()
    assert made[:1] == kind
    return made


def test_each_form_is_read_whole_in_pieces_and_in_steps(stored):
    assert packed.unpack(stored) == (WORDS, WORDS[::-1])
    for side, text in enumerate((WORDS, WORDS[::-1])):
        assert b"".join(packed.stream(stored, side)).decode() == text
        for offset in (0, 1, 6, len(text) // 2, len(text) - 1, len(text), len(text) + 5):
            for limit in (1, 3, len(text)):
                found = packed.cut(stored, side, offset=offset, limit=limit)
                assert found == (text[offset : offset + limit], len(text))
    raw = len(f"{WORDS}\0{WORDS[::-1]}".encode())
    assert packed.unpacked_size(stored[: packed.HEAD_BYTES], len(stored)) == raw


@given(TEXTS, TEXTS, st.integers(0, 70), st.integers(1, 70), st.integers(1, 9), st.sampled_from([1, 10**9]))
@settings(max_examples=60, deadline=None)
def test_any_piece_is_that_of_the_whole(taken, answer, offset, limit, step, long):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "STEP_BYTES", step)
        patch.setattr(packed, "LONG_BYTES", long)
        stored = packed.pack(taken * 3, answer * 3)
        for side, text in enumerate((taken * 3, answer * 3)):
            assert packed.cut(stored, side, offset=offset, limit=limit) == (
                text[offset : offset + limit],
                len(text),
            )


@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_text_is_none(side):
    texts = [None, None]
    texts[1 - side] = WORDS * 100
    stored = packed.pack(*texts)
    assert packed.cut(stored, side, offset=0, limit=5) == ("", 0)
    assert b"".join(packed.stream(stored, side)) == b""
    assert packed.whole(packed.unpack(stored), ("a", "b"))[side] == "ab"[side]
    assert packed.whole(None, ("a", "b")) == ("a", "b")


def test_a_piece_unpacks_no_further_than_its_end():
    """What follows is damaged, and nobody sees it who does not read that far."""
    rows = "".join(random.Random(1).choices("abcdefghijklmnop", k=3_000_000))
    stored = packed.pack(None, rows)
    damaged = stored[: len(stored) // 2] + bytes(len(stored) // 2)
    assert packed.cut(damaged, 1, offset=1000, limit=100) == (rows[1000:1100], len(rows))
    with pytest.raises(zstandard.ZstdError):
        packed.cut(damaged, 1, offset=len(rows) - 10, limit=10)
