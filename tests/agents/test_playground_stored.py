"""Stored calls of every origin, back in the playground's form; and templates found again in what was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.agents.playground.columns import column_of, lenient_settings
from apps.agents.playground.messages import Message, fill, read_messages
from apps.agents.playground.recover import match, recover
from apps.agents.playground.stored import read_answer, read_call

WEATHER = {"name": "weather", "description": "Of a city", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'}
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="
#: The same conversation, as six kinds of instrumentation write it.
TALK: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Rome?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "Sunny", "tool_call_id": "c1"},
]
OPENAI_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": CALL["arguments"]},
}
OPENAI: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
    {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
]
ANTHROPIC: dict[str, Any] = {
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Rome?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "Sunny"}]}
            ],
        },
    ],
    "tools": [{"name": "weather", "description": "Of a city", "input_schema": WEATHER["parameters"]}],
    "tool_choice": {"type": "any"},
    "max_tokens": 300,
    "temperature": 0.5,
}
GEN_AI: list[dict[str, Any]] = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Rome?"}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "Sunny"}]},
]


def langchain(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": kwargs}


LANGCHAIN = {
    "messages": [
        [
            langchain("SystemMessage", content="Be brief.", type="system"),
            langchain("HumanMessage", content="Rome?", type="human"),
            langchain(
                "AIMessage",
                content="",
                tool_calls=[{"name": "weather", "args": {"city": "Rome"}, "id": "c1", "type": "tool_call"}],
            ),
            langchain("ToolMessage", content="Sunny", tool_call_id="c1"),
        ]
    ]
}
LANGCHAIN_PLAIN: list[dict[str, Any]] = [
    {"type": "system", "content": "Be brief."},
    {"type": "human", "content": "Rome?"},
    {"type": "ai", "content": "", "additional_kwargs": {"tool_calls": [OPENAI_CALL]}},
    {"type": "tool", "content": "Sunny", "tool_call_id": "c1"},
]
RESPONSES = {
    "instructions": "Be brief.",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Rome?"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": CALL["arguments"]},
        {"type": "function_call_output", "call_id": "c1", "output": "Sunny"},
    ],
    "tools": [{"type": "function", **WEATHER}],
    "max_output_tokens": 300,
    "reasoning": {"effort": "low"},
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Rome?"}]},
        {
            "role": "model",
            "parts": [{"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}}],
        },
        {"role": "tool", "parts": [{"functionResponse": {"id": "c1", "response": "Sunny"}}]},
    ],
    "config": {"tools": [{"functionDeclarations": [WEATHER]}], "maxOutputTokens": 300},
}
AI_SDK = {
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "tool-call", "toolCallId": "c1", "toolName": "weather", "input": {"city": "Rome"}}
            ],
        },
        {
            "role": "tool",
            "content": [
                {"type": "tool-result", "toolCallId": "c1", "toolName": "weather", "result": "Sunny"}
            ],
        },
    ],
}


@pytest.mark.parametrize(
    "stored",
    [OPENAI, {"messages": OPENAI}, ANTHROPIC, GEN_AI, LANGCHAIN, LANGCHAIN_PLAIN, RESPONSES, GEMINI, AI_SDK],
    ids=[
        "openai",
        "body",
        "anthropic",
        "gen_ai",
        "langchain",
        "langchain-plain",
        "responses",
        "gemini",
        "ai-sdk",
    ],
)
def test_messages_of_every_origin_say_the_same(stored: Any) -> None:
    call = read_call(json.dumps(stored))
    assert call.messages == TALK
    assert read_messages(call.messages) == TALK


def test_plain_inputs_are_what_the_user_says() -> None:
    for text, said in (
        ("Rome?", "Rome?"),
        ('"Rome?"', "Rome?"),
        ('{"question": "Rome?"}', '{"question": "Rome?"}'),
        ("[broken", "[broken"),
        ('{"prompt": "Rome?"}', "Rome?"),
        ('{"prompts": ["Rome?"]}', "Rome?"),
        ('{"role": "user", "content": "Rome?"}', "Rome?"),
        ("[1, 2]", "[1, 2]"),
    ):
        assert read_call(text).messages == [{"role": "user", "content": said}], text
    assert read_call("").messages == []


def test_tools_and_parameters_are_kept() -> None:
    assert read_call(json.dumps(ANTHROPIC)).options == {
        "tools": [WEATHER], "tool_choice": "required", "max_tokens": 300, "temperature": 0.5,
    }  # fmt: skip
    assert read_call(json.dumps(RESPONSES)).options == {
        "tools": [WEATHER], "max_tokens": 300, "reasoning_effort": "low",
    }  # fmt: skip
    assert read_call(json.dumps(GEMINI)).options == {"tools": [WEATHER], "max_tokens": 300}
    wrapped = {"type": "function", "function": WEATHER}
    for name, value in {
        "gen_ai.tool.definitions": json.dumps([wrapped]),
        "llm.tools": [wrapped],
        "ai.prompt.tools": [json.dumps({**WEATHER, "inputSchema": WEATHER["parameters"]})],
    }.items():
        assert read_call("x", {name: value}).options == {"tools": [WEATHER]}, name
    flat = {f"llm.request.functions.0.{name}": value for name, value in WEATHER.items()}
    assert (
        read_call("x", flat | {"llm.request.functions.0.parameters": "{}"}).options["tools"][0]["name"]
        == "weather"
    )
    # one integration writes tools as messages
    listed = [{"role": "user", "content": "x"}, {"role": "tool", "content": wrapped}]
    call = read_call(json.dumps(listed))
    assert (call.messages, call.options) == ([{"role": "user", "content": "x"}], {"tools": [WEATHER]})
    own = {
        "gen_ai.request.temperature": 0.2,
        "flywheel.request.tool_choice": "weather",
        "flywheel.request.response_format": '{"type": "json_object"}',
        "model_parameters": {"temperature": "0.9", "max_tokens": "inf", "seed": "4", "stop": ["a"]},
    }
    options = read_call("x", own).options
    settings = lenient_settings({**options, "tools": [wrapped]})
    column = column_of([], settings)
    assert column["parameters"] == {"temperature": 0.2, "seed": 4, "stop": "a"}
    assert (column["format"]["type"], column["tool_choice"]) == ("json_object", "weather")


def test_pictures_are_kept() -> None:
    parts = {
        "openai": {"type": "image_url", "image_url": {"url": PIXEL}},
        "responses": {"type": "input_image", "image_url": PIXEL},
        "anthropic": {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAANSUhEUg=="},
        },
        "gen_ai": {"type": "blob", "mime_type": "image/png", "content": "iVBORw0KGgoAAAANSUhEUg=="},
        "gemini": {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAAANSUhEUg=="}},
    }
    for origin, part in parts.items():
        call = read_call(json.dumps([{"role": "user", "content": ["Look", part]}]))
        assert call.messages == [{"role": "user", "content": "Look", "images": [{"url": PIXEL}]}], origin
    lost = read_call(json.dumps([{"role": "user", "content": [{"type": "image", "image": "<bytes>"}]}]))
    assert lost.messages[0].get("images", []) in ([], [{"url": "data:image/png;base64,<bytes>"}])


@pytest.mark.parametrize(
    ("output", "text", "reasoning", "calls"),
    [
        ("Sunny", "Sunny", "", 0),
        ('"Sunny"', "Sunny", "", 0),
        ({"role": "assistant", "content": "Sunny", "reasoning": "Hm"}, "Sunny", "Hm", 0),
        ([{"role": "assistant", "parts": [{"type": "text", "content": "Sunny"}]}], "Sunny", "", 0),
        ({"choices": [{"message": {"role": "assistant", "content": "Sunny"}}]}, "Sunny", "", 0),
        (
            {"content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Sunny"}]},
            "Sunny",
            "Hm",
            0,
        ),
        ({"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]}, "", "", 1),
        ({"temperature": 30}, '{"temperature": 30}', "", 0),
    ],
)
def test_answers_are_read(output: Any, text: str, reasoning: str, calls: int) -> None:
    answer = read_answer(output if isinstance(output, str) else json.dumps(output))
    assert (answer.text, answer.reasoning, len(answer.calls)) == (text, reasoning, calls)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "parts", "type", "text", "messages", "tool_calls", "function", "lc",
                         "kwargs", "id", "name", "message", "image_url", "source", "tools", "system", "x"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60)
@given(_JSON)
def test_any_json_becomes_messages_that_can_be_asked(value: Any) -> None:
    text = json.dumps(value)
    call = read_call(text, {"model_parameters": value, "llm.tools": value})
    read_messages(call.messages)
    column_of(call.messages, lenient_settings(call.options))
    read_answer(text)


def test_an_answer_of_several_items_is_one() -> None:
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": CALL["arguments"]},
    ]
    for stored in (items, {"output": items}):
        answer = read_answer(json.dumps(stored))
        assert (answer.text, answer.reasoning, answer.calls) == ("Sunny", "Hm", [CALL])
    # of answers side by side the first counts, of a whole conversation what was said last
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("one", "two")]
    assert read_answer(json.dumps({"choices": choices})).text == "one"
    assert read_answer(json.dumps([*OPENAI, {"role": "assistant", "content": "Yes"}])).text == "Yes"


def test_every_spelling_of_the_trace_page_opens_in_the_playground() -> None:
    said = [{"role": "user", "content": "Rome?"}]
    for stored in (
        [json.dumps({"role": "user", "content": "Rome?"})],
        {"messages": [json.dumps({"role": "user", "content": "Rome?"})]},
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Rome?"}]},
        {"contents": "Rome?"},
        ["Rome?"],
        {"input": "Rome?"},
    ):
        assert read_call(json.dumps(stored)).messages == said, stored
    with_file = [{"type": "text", "text": "See"}, {"type": "file", "file": {"filename": "a.pdf"}}]
    assert (
        read_call(json.dumps([{"role": "user", "content": with_file}])).messages[0]["content"] == "See\na.pdf"
    )


def test_deep_nesting_is_one_text() -> None:
    deep = "[" * 400 + '{"role": "user", "content": ' + "[" * 400 + "1" + "]" * 400 + "}" + "]" * 400
    assert len(read_call(deep).messages) == 1
    for text in (deep, '{"content": ' + "[" * 900 + "]" * 900 + "}"):
        read_call(text)
        read_answer(text)


TEMPLATE: list[Message] = [
    {"role": "system", "content": "You serve {{shop}}; {{shop}} is {{tone}}."},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": "{{question}}"},
]


def test_a_template_is_found_in_what_was_asked() -> None:
    history: list[Message] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
    ]
    values = {"shop": "Acme", "tone": "kind.", "question": "Where\nis it?"}
    said = fill(TEMPLATE, values, {"history": history})
    found = recover(TEMPLATE, said)
    assert found is not None
    assert (found.messages, found.variables, found.placeholders) == (TEMPLATE, values, {"history": history})
    after: list[Message] = [{"role": "assistant", "content": "There."}]
    longer = recover(TEMPLATE, [*said, *after])
    assert longer is not None
    assert longer.messages == [*TEMPLATE, *after]
    assert recover(TEMPLATE, said[1:]) is None
    assert recover(TEMPLATE, []) is None
    text: list[Message] = [{"role": "system", "content": "Say {{what}}"}]
    asked: list[Message] = [{"role": "user", "content": "Say hi"}]
    assert recover(text, asked) is None
    alone = recover(text, asked, one_text=True)
    assert alone is not None
    assert alone.variables == {"what": "hi"}


@given(
    st.lists(st.sampled_from(["{{a}}", "{{b}}", "x", " and ", "{{c}}"]), max_size=6),
    st.text("xy ", max_size=5),
)
def test_found_values_give_the_same_text(pieces: list[str], value: str) -> None:
    template = "".join(pieces)
    text = fill([{"role": "user", "content": template}], {"a": value, "b": "bb", "c": ""}, {})[0]["content"]
    found = match(template, text, {})
    if found is not None:
        assert fill([{"role": "user", "content": template}], found, {})[0]["content"] == text
