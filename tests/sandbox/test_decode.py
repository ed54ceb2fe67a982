"""What a result may be, and what declared outputs demand."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.exceptions import Invalid
from apps.core.sandbox import outcome, protocol
from apps.core.sandbox.client import check_types, declared_outputs
from apps.core.sandbox.errors import (
    CodeFailed,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    ResultNotJson,
    ResultTooDeep,
    ResultTooLarge,
    ResultTypeWrong,
    SandboxError,
)
from apps.core.sandbox.jobs import Limits
from apps.core.sandbox.protocol import Verdict

# errors that blame the code; an error that blames the platform would be tried again
BLAMED = (CodeFailed, OutputLimitExceeded, ResultNotJson, ResultTooDeep, ResultTooLarge)
DONE = Verdict("done", ready=True, exit_code=0)


def conclude(raw: bytes, limits: Limits | None = None):
    limits = limits or Limits()
    transcript = outcome.Transcript(limits)
    transcript.feed(protocol.frame(protocol.RESULT, raw))
    return outcome.conclude(transcript, DONE, limits).value


REFUSED = {
    "NaN": b'{"ok":true,"value":NaN}',
    "infinity": b'{"ok":true,"value":[-Infinity]}',
    "an infinite number": b'{"ok":true,"value":1e999}',
    "an infinite number with a leading zero in its exponent": b'{"ok":true,"value":1E+0999}',
    "an infinite number of many digits": b'{"ok":true,"value":' + b"9" * 400 + b".0}",
    "an infinite number of many digits and a small exponent": b'{"ok":true,"value":1' + b"0" * 230 + b"e99}",
    "an integer nobody can read": b'{"ok":true,"value":' + b"9" * 5000 + b"}",
    "an integer beyond 64 bits": b'{"ok":true,"value":18446744073709551616}',
    "a negative integer beyond 64 bits": b'{"ok":true,"value":[-9223372036854775809]}',
    "bytes that are no UTF-8": b'{"ok":true,"value":"\xff"}',
    "an encoded surrogate": b'{"ok":true,"value":"\xed\xa0\x80"}',
    "a lone surrogate": b'{"ok":true,"value":"\\ud800"}',
    "a lone surrogate as a name": b'{"ok":true,"value":{"\\udfff":1}}',
    "NUL": b'{"ok":true,"value":["\\u0000"]}',
    "NUL as a name": b'{"ok":true,"value":{"a\\u0000":1}}',
    "a bare NUL": b'{"ok":true,"value":"\x00"}',
    "two values": b'{"ok":true,"value":1}{"ok":true,"value":2}',
    "half a value": b'{"ok":true,"val',
    "no object": b"[1]",
    "nothing": b"",
    "no value": b'{"ok":true}',
    "more than a value": b'{"ok":true,"value":1,"stdout":"x"}',
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(ResultNotJson):
        conclude(raw)


def test_the_limits_of_a_result():
    with pytest.raises(ResultTooLarge):
        conclude(json.dumps({"ok": True, "value": "x" * 2000}).encode(), Limits(string_chars=1000))
    with pytest.raises(ResultTooLarge):
        conclude(json.dumps({"ok": True, "value": ["x"] * 100_000}).encode(), Limits(result_kb=100))
    with pytest.raises(ResultTooDeep):
        conclude(b'{"ok":true,"value":' + b"[" * 21 + b"]" * 21 + b"}")
    assert conclude(b'{"ok":true,"value":' + b"[" * 20 + b"]" * 20 + b"}")
    with pytest.raises(ResultTooDeep):
        conclude(b'{"ok":true,"value":' + b"[" * 400_000 + b"]" * 400_000 + b"}")


def test_an_error_of_the_code_names_its_line():
    report = {"ok": False, "error": "ValueError", "message": "no", "traceback": "…", "line": 3}
    with pytest.raises(CodeFailed, match="ValueError: no") as caught:
        conclude(json.dumps(report).encode())
    assert (caught.value.line, caught.value.traceback, caught.value.retryable) == (3, "…", False)


@pytest.mark.parametrize(
    "report",
    [
        {"ok": False},
        {"ok": False, "error": [1], "message": {"a": 1}, "line": "3", "traceback": None},
        {"ok": False, "error": "SandboxUnavailable", "message": "m", "line": -1},
        {"ok": False, "error": "SandboxUnavailable", "message": "m", "line": True},
        {"ok": "yes", "value": 1},
        {"ok": 1, "value": 1},
        {},
    ],
)
def test_a_strange_error_report_is_still_the_codes_own_failure(report):
    with pytest.raises(SandboxError) as caught:
        conclude(json.dumps(report).encode())
    assert not caught.value.retryable
    assert caught.value.line is None


def test_running_out_of_memory_has_its_own_error():
    with pytest.raises(MemoryLimitExceeded):
        conclude(b'{"ok":false,"error":"MemoryError","message":"","line":2}')


def storable(value) -> bool:
    """What PostgreSQL's jsonb and the event writer accept."""
    if isinstance(value, str):
        return "\0" not in value and not any(0xD800 <= ord(char) <= 0xDFFF for char in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    if isinstance(value, dict):
        return all(storable(name) and storable(inner) for name, inner in value.items())
    return all(map(storable, value))


numbers = st.from_regex(rb"\A-?(0|[1-9][0-9]{0,320})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?\Z")
texts = st.from_regex(rb'\A"([a-z]|\\u[0-9a-fA-F]{4}|\\n|\xc3\xa9|\xed\xa0\x80)*"\Z')
bytes_of_json = st.recursive(
    numbers | texts | st.sampled_from([b"true", b"null", b"NaN", b"-Infinity"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: b"[" + b",".join(parts) + b"]")
        | st.lists(st.tuples(texts, inner), max_size=3).map(
            lambda pairs: b"{" + b",".join(name + b":" + part for name, part in pairs) + b"}"
        )
    ),
    max_leaves=8,
)


@given(bytes_of_json)
def test_whatever_comes_through_can_be_stored(raw):
    try:
        value = conclude(b'{"ok":true,"value":' + raw + b"}")
    except BLAMED:
        return
    assert storable(value)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_transcript(raw):
    limits = Limits()
    transcript = outcome.Transcript(limits)
    try:
        transcript.feed(raw)
        outcome.conclude(transcript, DONE, limits)
    except BLAMED:
        return
    raise AssertionError("no result was sent")


GOOD = [
    ("string", "x"),
    ("number", 1.5),
    ("number", 2),
    ("integer", 2),
    ("boolean", False),
    ("object", {}),
    ("array", [1, "x"]),
    ("array[string]", ["x", None]),
    ("array[array[number]]", [[1], [2.5]]),
    ("any", {"x": [1]}),
    ("string", None),
]
BAD = [
    ("string", 1),
    ("number", True),
    ("number", "1"),
    ("integer", 1.5),
    ("boolean", 0),
    ("object", []),
    ("array", {}),
    ("array[string]", ["x", 1]),
    ("array[object]", [[]]),
    ("array[array[number]]", [[1], ["2"]]),
]


@pytest.mark.parametrize(("declared", "value"), GOOD)
def test_declared_outputs_accept(declared, value):
    assert declared_outputs({"a": value, "extra": 1}, {"a": declared}) == {"a": value}


@pytest.mark.parametrize(("declared", "value"), BAD)
def test_declared_outputs_refuse(declared, value):
    with pytest.raises(ResultTypeWrong, match="“a”"):
        declared_outputs({"a": value}, {"a": declared})


def test_whole_floats_become_integers():
    found = declared_outputs({"a": 3.0}, {"a": "integer"})["a"]
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [None, 1, [], "x"])
def test_declared_outputs_need_an_object(value):
    with pytest.raises(ResultTypeWrong):
        declared_outputs(value, {"a": "any"})


def test_a_missing_output_is_named():
    with pytest.raises(ResultTypeWrong, match="“b”"):
        declared_outputs({"a": 1}, {"a": "any", "b": "any"})


@pytest.mark.parametrize("declared", ["text", "array[]", "array[text]", "", "Array[string]", "array[string"])
def test_unknown_types_are_refused_before_anything_runs(declared):
    with pytest.raises(Invalid):
        check_types({"a": declared})
