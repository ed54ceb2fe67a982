"""The text node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.nodes.support import codecs, texts
from tests.workflows.nodes.harness import Bench

CASES = [
    ({"operation": "concat", "parts": ["a", 1, ["x", "y"], None, True], "separator": "-"}, "a-1-x, y--true"),
    ({"operation": "concat", "parts": [["x", {"k": 1}]], "item_separator": "+"}, 'x+{"k": 1}'),
    ({"operation": "split", "text": "a, b;;c", "delimiters": [",", ";"]}, ["a", "b", "c"]),
    ({"operation": "split", "text": "a,,b", "delimiters": [","], "keep_empty": True}, ["a", "", "b"]),
    ({"operation": "split", "text": "a,b,c", "delimiters": [","], "limit": 2}, ["a", "b,c"]),
    ({"operation": "split", "text": "a,b,c", "delimiters": [","], "limit": 1}, ["a,b,c"]),
    ({"operation": "split", "text": "a|||b", "delimiters": ["|", "|||"]}, ["a", "b"]),
    ({"operation": "split", "text": " a b", "delimiters": [], "trim_pieces": False}, [" ", "a", " ", "b"]),
    ({"operation": "join", "items": ["a", 2, None], "separator": "/"}, "a/2/"),
    ({"operation": "replace", "text": "aXbXc", "find": "X", "replacement": "\\1"}, "a\\1b\\1c"),
    (
        {"operation": "replace", "text": "aXbx", "find": "x", "replacement": "-", "case_sensitive": False},
        "a-b-",
    ),
    ({"operation": "replace", "text": "xxx", "find": "x", "replacement": "y", "count": 2}, "yyx"),
    ({"operation": "replace", "text": "abc", "find": "", "replacement": "y"}, "abc"),
    ({"operation": "trim", "text": "  a  "}, "a"),
    ({"operation": "trim", "text": "--a--", "characters": "-", "side": "start"}, "a--"),
    ({"operation": "trim", "text": "--a--", "characters": "-", "side": "end"}, "--a"),
    ({"operation": "case", "text": "it's THE end", "case": "title"}, "It's The End"),
    ({"operation": "case", "text": " HELLO World", "case": "sentence"}, " Hello world"),
    ({"operation": "case", "text": "fooBar Baz-qux", "case": "snake"}, "foo_bar_baz_qux"),
    ({"operation": "case", "text": "fooBar Baz", "case": "kebab"}, "foo-bar-baz"),
    ({"operation": "case", "text": "foo bar_baz", "case": "camel"}, "fooBarBaz"),
    ({"operation": "case", "text": "aB", "case": "swap"}, "Ab"),
    ({"operation": "case", "text": "aB", "case": "upper"}, "AB"),
    ({"operation": "substring", "text": "abcdef", "start": 1, "length": 3}, "bcd"),
    ({"operation": "substring", "text": "abcdef", "start": -2}, "ef"),
    ({"operation": "substring", "text": "ab", "start": -9, "length": 1}, "a"),
    ({"operation": "substring", "text": "one two  three", "start": 1, "unit": "words"}, "two three"),
    ({"operation": "substring", "text": "a\nb\nc", "start": 0, "length": 2, "unit": "lines"}, "a\nb"),
    ({"operation": "truncate", "text": "the quick brown fox", "length": 12}, "the quick…"),
    ({"operation": "truncate", "text": "short", "length": 12}, "short"),
    ({"operation": "truncate", "text": "abcdef", "length": 1, "ending": "..."}, "."),
    ({"operation": "between", "text": "<a>1</a><a>2</a>", "before": "<a>", "after": "</a>"}, ["1", "2"]),
    ({"operation": "between", "text": "k: v", "before": ": "}, ["v"]),
    ({"operation": "between", "text": "k: v", "after": ":"}, ["k"]),
    ({"operation": "between", "text": "none", "before": "[", "after": "]"}, []),
    ({"operation": "pad", "text": "7", "length": 3, "side": "start", "fill": "0"}, "007"),
    ({"operation": "repeat", "text": "ab", "times": 3, "separator": "-"}, "ab-ab-ab"),
    ({"operation": "reverse", "text": "abc"}, "cba"),
    ({"operation": "length", "text": "a b\nc", "unit": "words"}, 3),
    ({"operation": "length", "text": "héé"}, 3),
    ({"operation": "count", "text": "aAa", "find": "A", "case_sensitive": False}, 3),
    ({"operation": "find", "text": "abc", "find": "C", "case_sensitive": False}, 2),
    ({"operation": "find", "text": "abc", "find": "z"}, -1),
    ({"operation": "encode", "text": "ü&", "encoding": "url"}, "%C3%BC%26"),
    ({"operation": "decode", "text": "4pyT", "encoding": "base64"}, "✓"),
    ({"operation": "encode", "text": "<b>", "encoding": "html"}, "&lt;b&gt;"),
]


@pytest.fixture
def node() -> Bench:
    return Bench("text")


@pytest.mark.parametrize(("config", "expected"), CASES)
async def test_each_operation(node, config, expected):
    found = await node.outputs(**config)
    assert found["output"] == expected
    if isinstance(expected, list):
        assert found["count"] == len(expected)


@pytest.mark.parametrize(
    "config",
    [
        {"operation": "decode", "text": "%%%", "encoding": "base64"},
        {"operation": "decode", "text": "%ff", "encoding": "url"},
        {"operation": "decode", "text": "zz", "encoding": "hex"},
        {"operation": "repeat", "text": "x" * 1000, "times": 10**9},
        {"operation": "pad", "text": "x", "length": 10**9},
        {"operation": "replace", "text": "x" * 10_000, "find": "x", "replacement": "y" * 10_000},
    ],
)
async def test_what_can_not_be_done_is_an_error_and_costs_no_memory(node, config):
    await node.fails("text_failed", **config)


@given(st.text(), st.sampled_from(["base64", "base64url", "url", "html", "hex"]))
def test_decoding_undoes_encoding(text, encoding):
    assert codecs.decode(codecs.encode(text, encoding), encoding) == text


@given(st.text(), st.integers(0, 50), st.text(max_size=3))
def test_truncated_texts_keep_their_length(text, length, ending):
    assert len(texts.truncate(text, length, ending)) <= max(length, 0)


@given(st.text(alphabet="ab,;", max_size=40), st.lists(st.sampled_from([",", ";", ",;"]), max_size=3))
def test_pieces_hold_everything_but_the_delimiters(text, delimiters):
    pieces = texts.split(text, delimiters, trim=False, keep_empty=True)
    rest = text
    for piece in pieces:
        assert piece in rest
        rest = rest[rest.index(piece) + len(piece) :]
    assert sum(map(len, pieces)) <= len(text)


def test_missing_operands_are_problems(node):
    assert "find" in node.problems(operation="replace", text="a")
    assert "length" in node.problems(operation="truncate", text="a")
    assert "before" in node.problems(operation="between", text="a")
    assert node.problems(operation="trim", text="a") == {}
