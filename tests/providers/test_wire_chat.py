"""OpenAI's chat format and the dialects of it that are met in the wild."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.providers.wire import (
    ChatMessage,
    ChatRequest,
    Image,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    WireError,
)
from apps.providers.wire.chat import ChatAssembler, build_body, parse_completion
from apps.providers.wire.quirks import Quirk
from apps.providers.wire.usage import estimate_tokens, parse_usage

REQUEST = ChatRequest(messages=[ChatMessage("user", "Hello there, how are you?")])


def feed(*chunks: dict[str, Any]) -> tuple[list[Any], Any]:
    assembler = ChatAssembler(REQUEST, "m")
    events = [event for chunk in chunks for event in assembler.feed(json.dumps(chunk).encode())]
    return events, assembler.finish()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def test_the_body_carries_only_what_was_set() -> None:
    assert build_body("m", REQUEST, stream=False) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello there, how are you?"}],
    }


def test_the_body_of_a_full_request() -> None:
    request = ChatRequest(
        messages=[
            ChatMessage("assistant", "", tool_calls=(ToolCall("c1", "add", '{"a": 1}'),)),
            ChatMessage("tool", "2", tool_call_id="c1"),
        ],
        tools=[ToolSpec("add", "Adds", {"type": "object"})],
        temperature=0.0,
        max_tokens=5,
        top_p=0.5,
        stop=["END"],
        response_format={"type": "json_object"},
    )
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert build_body("m", request, stream=True) == {
        "model": "m",
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "2", "tool_call_id": "c1"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "add", "description": "Adds", "parameters": {"type": "object"}},
            }
        ],
        "temperature": 0.0,
        "max_tokens": 5,
        "top_p": 0.5,
        "stop": ["END"],
        "response_format": {"type": "json_object"},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_text_is_assembled() -> None:
    events, completed = feed(
        delta(role="assistant", content=""), delta(content="Hel"), delta("length", content="lo")
    )
    assert events == [TextDelta("Hel"), TextDelta("lo")]
    assert completed.message == ChatMessage("assistant", "Hello")
    assert completed.finish_reason == "length"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(name: str) -> None:
    events, completed = feed(delta(**{name: "Hm. "}), delta("stop", content="Yes"))
    assert events == [ReasoningDelta("Hm. "), TextDelta("Yes")]
    assert (completed.message.content, completed.reasoning) == ("Yes", "Hm. ")


def test_content_may_be_a_list_of_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Yes"},
    ]
    events, _ = feed(delta("stop", content=parts))
    assert events == [ReasoningDelta("Hm"), TextDelta("Yes")]


def call(arguments: Any, name: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"function": function, **fields}


def test_parallel_tool_calls_with_arguments_in_pieces() -> None:
    events, completed = feed(
        delta(tool_calls=[call("", "add", index=0, id="a")]),
        delta(tool_calls=[call('{"x"', index=0), call("", "sub", index=1, id="b")]),
        delta(tool_calls=[call(": 1}", index=0)]),
        delta("tool_calls", tool_calls=[call("{}", index=1)]),
    )
    assert completed.message.tool_calls == (ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "sub", "{}"))
    assert [(e.index, e.id, e.arguments) for e in events][1] == (0, "a", '{"x"')
    assert completed.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "chunks",
    [
        [delta(tool_calls=[call({"x": 1}, "add", id="a")]), delta(tool_calls=[call({}, "sub", id="b")])],
        [
            delta(tool_calls=[call('{"x":', "add", id="a")]),
            delta(tool_calls=[call("1}", id="a")]),
            delta(tool_calls=[call(None, "sub", id="b")]),
        ],
        [delta(tool_calls=[call('{"x":1}', "add")]), delta(tool_calls=[call("{}", "sub")])],
    ],
    ids=["objects", "ids only", "names only"],
)
def test_tool_calls_without_an_index(chunks: list[dict[str, Any]]) -> None:
    _, completed = feed(*chunks)
    assert [(c.name, json.loads(c.arguments)) for c in completed.message.tool_calls] == [
        ("add", {"x": 1}),
        ("sub", {}),
    ]
    assert completed.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("data", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(10, 5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(10, 5, 4, 3),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 6}, Usage(10, 5, 6)),
        (
            {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
            Usage(3, 2, 1),
        ),
        ({"total_tokens": 12}, Usage(12, 0)),
        ({"prompt_tokens": 1, "completion_tokens": None, "prompt_tokens_details": None}, Usage(1, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({}, None),
        (None, None),
        ("12", None),
    ],
)
def test_usage_dialects(data: Any, usage: Usage | None) -> None:
    assert parse_usage(data) == usage


@pytest.mark.parametrize(
    "chunks",
    [
        [delta("stop", content="x"), {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}],
        [{**delta("stop", content="x"), "usage": {"prompt_tokens": 7, "completion_tokens": 1}}],
        [{"choices": [{"delta": {"content": "x"}, "usage": {"prompt_tokens": 7, "completion_tokens": 1}}]}],
        [
            {**delta(content=""), "usage": {"prompt_tokens": 7, "completion_tokens": 0}},
            {**delta("stop", content="x"), "usage": {"prompt_tokens": 7, "completion_tokens": 1}},
        ],
    ],
    ids=["own chunk", "last chunk", "in the choice", "growing in each chunk"],
)
def test_usage_is_found_wherever_it_comes(chunks: list[dict[str, Any]]) -> None:
    assert feed(*chunks)[1].usage == Usage(7, 1)


def test_usage_is_estimated_when_the_vendor_reports_none() -> None:
    usage = feed(delta("stop", content="你好,世界"))[1].usage
    assert usage.estimated
    assert usage.input_tokens == pytest.approx(10, abs=2)
    assert usage.output_tokens == 3
    assert estimate_tokens("") == 0


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        ({"message": "Overloaded", "code": 529}, "unavailable", "Overloaded"),
        ({"message": "Slow down", "code": "429"}, "rate_limited", "Slow down"),
        ("boom", "unavailable", "boom"),
        ({}, None, ""),
        ({"type": "x"}, "unavailable", "The stream reported an error."),
    ],
)
def test_error_objects_inside_a_stream(error: Any, reason: str | None, detail: str) -> None:
    if reason is None:
        assert feed({"error": error, "choices": []})[0] == []
        return
    with pytest.raises(WireError) as caught:
        feed(delta(content="x"), {"error": error})
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b"\xff", b"{}"])
def test_answers_that_are_none(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse_completion(data, REQUEST, "m")
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": [{}]}, {"choices": [{"delta": None}]}])
def test_empty_chunks_say_nothing(chunk: dict[str, Any]) -> None:
    assert feed(chunk)[0] == []


def test_pictures_options_and_tool_choice_are_written_as_openai_does() -> None:
    request = ChatRequest(
        messages=[ChatMessage("user", "What is it?", images=(Image("data:image/png;base64,AA==", "low"),))],
        tools=[ToolSpec("look", "Looks.")],
        tool_choice="look",
        frequency_penalty=0.5,
        presence_penalty=-0.5,
        seed=7,
        extra={"top_k": 3, "messages": "never"},
    )
    body = build_body("m", request, stream=False)
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            ],
        }
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    assert (body["frequency_penalty"], body["presence_penalty"], body["seed"], body["top_k"]) == (
        0.5,
        -0.5,
        7,
        3,
    )


def test_a_refused_response_format_is_left_out() -> None:
    request = ChatRequest([ChatMessage("user", "x")], response_format={"type": "json_object"})
    assert "response_format" in build_body("m", request, stream=False)
    refused = frozenset({Quirk.NO_RESPONSE_FORMAT})
    assert "response_format" not in build_body("m", request, stream=False, quirks=refused)


def test_pictures_of_a_model_are_kept() -> None:
    assembler = ChatAssembler(ChatRequest([ChatMessage("user", "draw")]), "m")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assembler.feed(json.dumps({"choices": [{"delta": {"content": "Here.", "images": [image]}}]}).encode())
    assert assembler.finish().message.images == (Image("data:image/png;base64,AA=="),)
