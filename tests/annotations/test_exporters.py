"""Training-file formats: exact rows, refusals with reasons, round trips, constant memory."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.annotations.exporters import (
    Example,
    Reason,
    Rejected,
    Report,
    UnknownFormatError,
    exporters,
    get,
    register,
    write_lines,
)
from apps.annotations.exporters.openai_chat import ChatRow, OpenAIChat
from apps.annotations.exporters.openai_dpo import PreferenceRow
from apps.annotations.exporters.writer import KEPT_REJECTIONS

QUESTION = {"role": "user", "content": "Where are backups kept?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":"x"}'}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "default": None}}}


def example(*messages: dict[str, Any], **changes: Any) -> Example:
    values: dict[str, Any] = {
        "id": "1",
        "messages": messages or (QUESTION,),
        "expected": "In var/backups.",
        "rejected": "I don't know.",
    }
    return Example(**{**values, **changes})


def refusal(name: str, given_example: Example) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        get(name).row(given_example)
    return caught.value.reason, caught.value.detail


def test_openai_chat_row_is_byte_exact() -> None:
    report = Report()
    turns = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "备份在哪里?"},
    )

    data = b"".join(write_lines(get("openai_chat"), [example(*turns)], report))

    assert data.decode() == (
        '{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},'
        '{"role":"assistant","content":"Hello.","weight":0},{"role":"user","content":"备份在哪里?"},'
        '{"role":"assistant","content":"In var/backups."}]}\n'
    )
    assert (report.written, report.rejected, report.byte_count) == (1, 0, len(data))
    assert report.sha256 == hashlib.sha256(data).hexdigest()


def test_openai_preference_row_is_byte_exact() -> None:
    data = b"".join(write_lines(get("openai_dpo"), [example()], Report()))

    assert data.decode() == (
        '{"input":{"messages":[{"role":"user","content":"Where are backups kept?"}]},'
        '"preferred_output":[{"role":"assistant","content":"In var/backups."}],'
        '"non_preferred_output":[{"role":"assistant","content":"I don\'t know."}]}\n'
    )


def test_tool_turns_and_schemas_survive() -> None:
    turns = (
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "var/backups"},
    )

    (line,) = write_lines(get("openai_chat"), [example(*turns, tools=(TOOL,))], Report())

    row = orjson.loads(line)
    assert row["messages"][1] == {"role": "assistant", "tool_calls": [CALL], "weight": 0}
    assert row["tools"] == [TOOL]


@pytest.mark.parametrize(
    ("given_example", "reason", "place"),
    [
        (example(expected=" "), Reason.NO_EXPECTED_OUTPUT, ""),
        (example({"role": "system", "content": "x"}), Reason.NO_USER_MESSAGE, ""),
        (example({"role": "user", "content": "  "}), Reason.EMPTY_MESSAGE, "messages.0"),
        (example(QUESTION, {"role": "system", "content": "x"}), Reason.SYSTEM_NOT_FIRST, "messages.1"),
        (example(QUESTION, {"role": "assistant", "content": "x"}), Reason.ENDS_WITH_ASSISTANT, "messages.1"),
        (
            example(QUESTION, {"role": "tool", "tool_call_id": "c1", "content": "x"}),
            Reason.UNKNOWN_TOOL_CALL,
            "messages.1",
        ),
        (
            example(QUESTION, {"role": "assistant", "tool_calls": [CALL]}, QUESTION),
            Reason.UNANSWERED_TOOL_CALL,
            "messages.2",
        ),
        (
            example(QUESTION, {"role": "assistant", "tool_calls": [CALL]}),
            Reason.UNANSWERED_TOOL_CALL,
            "messages.1",
        ),
    ],
)
def test_unfit_rows_are_refused_with_their_place(given_example: Example, reason: Reason, place: str) -> None:
    assert refusal("openai_chat", given_example) == (reason, place)


@pytest.mark.parametrize(
    "messages",
    [
        ({"role": "narrator", "content": "x"},),
        ({"content": "x"},),
        ({"role": "user", "content": 5},),
        ({**QUESTION, "weight": 1},),
        (QUESTION, {"role": "assistant"}),
        (
            QUESTION,
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "find", "arguments": "[" * 5000}}],
            },
        ),
    ],
)
def test_bad_shapes_are_refused_in_one_line(messages: tuple[dict[str, Any], ...]) -> None:
    reason, detail = refusal("openai_chat", example(*messages))

    assert reason is Reason.BAD_SHAPE
    assert detail.startswith("messages.")
    assert "\n" not in detail


@pytest.mark.parametrize("name", ["openai_chat", "openai_dpo"])
def test_an_answer_that_is_no_unicode_is_refused(name: str) -> None:
    report = Report()

    assert list(write_lines(get(name), [example(expected="\ud800")], report)) == []
    assert report.rejections[0].reason is Reason.BAD_SHAPE


def test_a_preference_needs_two_different_answers() -> None:
    assert refusal("openai_dpo", example(rejected=""))[0] is Reason.NO_REJECTED_OUTPUT
    assert refusal("openai_dpo", example(rejected="In var/backups. "))[0] is Reason.SAME_OUTPUTS


def test_a_number_json_cannot_carry_is_a_refusal_and_the_rest_goes_on() -> None:
    huge = {"type": "function", "function": {"name": "find", "parameters": {"maximum": 2**70}}}
    report = Report()

    lines = list(write_lines(get("openai_chat"), [example(id="a", tools=(huge,)), example(id="b")], report))

    assert len(lines) == 1
    assert [(r.item_id, r.reason) for r in report.rejections] == [("a", Reason.BAD_SHAPE)]


def test_the_registry_names_its_formats_and_refuses_surprises() -> None:
    assert list(exporters()) == ["openai_chat", "openai_dpo"]
    with pytest.raises(ValueError, match="registered already"):
        register(OpenAIChat())
    with pytest.raises(UnknownFormatError):
        get("parchment")


TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.strip())
TURN = st.tuples(TEXT, TEXT)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Any well-formed conversation."""
    messages: list[dict[str, Any]] = []
    if system := draw(st.none() | TEXT):
        messages.append({"role": "system", "content": system})
    for question, answer in draw(st.lists(TURN, max_size=3)):
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    messages.append({"role": "user", "content": draw(TEXT)})
    return Example(id="x", messages=messages, expected=draw(TEXT), rejected=draw(TEXT))


@given(examples())
def test_any_conversation_comes_back_from_a_chat_line(given_example: Example) -> None:
    (line,) = write_lines(get("openai_chat"), [given_example], Report())

    assert line.count(b"\n") == 1
    row = ChatRow.model_validate_json(line)
    assert [(m.role, m.content) for m in row.messages[:-1]] == [
        (m["role"], m["content"]) for m in given_example.messages
    ]
    assert row.messages[-1].content == given_example.expected


@given(examples())
def test_any_pair_comes_back_from_a_preference_line(given_example: Example) -> None:
    report = Report()
    lines = list(write_lines(get("openai_dpo"), [given_example], report))

    if given_example.expected.strip() == given_example.rejected.strip():
        assert report.rejections[0].reason is Reason.SAME_OUTPUTS
    else:
        row = PreferenceRow.model_validate_json(lines[0])
        assert row.preferred_output[0].content == given_example.expected
        assert row.non_preferred_output[0].content == given_example.rejected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["role", "content", "tool_calls", "weight", "name"])


@settings(max_examples=40)
@given(st.lists(st.dictionaries(KEYS, JSON), max_size=4))
def test_nothing_but_a_refusal_comes_out_of_nonsense(messages: list[dict[str, Any]]) -> None:
    report = Report()

    list(write_lines(get("openai_chat"), [example(expected="x", messages=messages)], report))

    assert report.written + report.rejected == 1


def test_twenty_thousand_rows_stream_in_constant_memory() -> None:
    def source() -> Iterator[Example]:
        for number in range(20_000):
            yield example(id=str(number), expected="" if number % 2 else "x" * 500)

    report = Report()
    tracemalloc.start()
    for _line in write_lines(get("openai_chat"), source(), report):
        pass
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (report.written, report.rejected) == (10_000, 10_000)
    assert len(report.rejections) == KEPT_REJECTIONS
    assert peak < 2_000_000
