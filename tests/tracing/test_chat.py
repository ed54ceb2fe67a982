"""One form for the messages of every provider."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing.chat import read_chat

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
DATA = f"data:image/png;base64,{PIXEL}"
ARGS = '{"city": "Oslo"}'


def told(value):
    """Turns as (role, [(kind, text or address, name)])."""
    chat = read_chat(json.dumps(value))
    if chat is None:
        return None
    return [
        (turn.role.value, [(part.kind.value, part.text or part.url, part.name) for part in turn.parts])
        for turn in chat.turns
    ]


def compact(text):
    return "".join(text.split())


USER = ("user", [("text", "Weather?", "")])
SHAPES = {
    "openai": {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ARGS}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        ]
    },
    "anthropic": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [{"type": "text", "text": "Rain"}],
                    }
                ],
            },
        ],
    },
    "gen_ai": [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "Rain"}]},
    ],
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": ARGS},
            {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
        ],
    },
    "langchain": [
        [
            {"type": "system", "content": "Be brief."},
            {"lc": 1, "type": "constructor", "id": ["x", "HumanMessage"], "kwargs": {"content": "Weather?"}},
            {
                "type": "ai",
                "data": {
                    "content": "",
                    "tool_calls": [{"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}],
                },
            },
            {"type": "tool", "content": "Rain", "tool_call_id": "c1"},
        ]
    ],
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {
                "role": "model",
                "parts": [{"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Oslo"}}}],
            },
            {
                "role": "function",
                "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": "Rain"}}],
            },
        ],
    },
    "bedrock": {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Weather?"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Oslo"}}}],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "Rain"}]}}],
            },
        ],
    },
    "ai_sdk": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool-call",
                    "toolCallId": "c1",
                    "toolName": "weather",
                    "input": {"city": "Oslo"},
                }
            ],
        },
        {
            "role": "tool",
            "content": [
                {"type": "tool-result", "toolCallId": "c1", "output": {"type": "text", "value": "Rain"}}
            ],
        },
    ],
    "pydantic_ai": [
        {
            "kind": "request",
            "parts": [
                {"part_kind": "system-prompt", "content": "Be brief."},
                {"part_kind": "user-prompt", "content": "Weather?"},
            ],
        },
        {
            "kind": "response",
            "parts": [{"part_kind": "tool-call", "tool_name": "weather", "args": ARGS, "tool_call_id": "c1"}],
        },
        {
            "kind": "request",
            "parts": [{"part_kind": "tool-return", "content": "Rain", "tool_call_id": "c1"}],
        },
    ],
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_shape_tells_the_same_story(shape):
    system, user, call, result = told(SHAPES[shape])
    assert system == ("system", [("text", "Be brief.", "")])
    assert user == USER
    assert call[0] == "assistant"
    ((kind, arguments, name),) = call[1]
    assert (kind, compact(arguments), name) == ("tool_call", compact(ARGS), "weather")
    assert result[0] in {"tool", "user"}
    assert [part[:2] for part in result[1]] == [("tool_result", "Rain")]
    parts = [part for turn in read_chat(json.dumps(SHAPES[shape])).turns for part in turn.parts]
    assert [part.id for part in parts[-2:]] == ["c1", "c1"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": DATA}},
        {"type": "input_image", "image_url": DATA},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
        {"image": {"format": "png", "source": {"bytes": PIXEL}}},
        {"type": "image", "image": PIXEL, "mediaType": "image/png"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL},
        {"type": "file", "data": PIXEL, "mediaType": "image/png"},
    ],
)
def test_pictures_in_every_spelling(part):
    assert told([{"role": "user", "content": [part]}]) == [("user", [("image", DATA, "")])]


def test_a_file_that_was_sent_apart_stays_a_reference():
    kept = "@@@langfuseMedia:type=image/jpeg|id=abcdefghijklmnopqrstuv|source=bytes@@@"
    part = {"type": "image_url", "image_url": {"url": kept}}
    assert told([{"role": "user", "content": [part]}]) == [("user", [("image", kept, "")])]


def test_addresses_that_a_browser_would_run_are_dropped():
    for url in ("javascript:alert(1)", "file:///etc/passwd"):
        turn = told([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
        assert turn[0][1][0][0] == "image"
        assert not turn[0][1][0][1].startswith(("javascript:", "file:"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}, [("text", "Hi", "")]),
        ({"choices": [{"text": "Hi"}]}, [("text", "Hi", "")]),
        ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, [("text", "Hi", "")]),
        ({"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}, [("text", "Hi", "")]),
        ({"generations": [[{"text": "Hi"}]]}, [("text", "Hi", "")]),
        ({"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}}, [("text", "Hi", "")]),
        (
            {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"},
            [("reasoning", "Hm", ""), ("text", "Hi", "")],
        ),
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Hi"}]},
            [("reasoning", "Hm", ""), ("text", "Hi", "")],
        ),
        ({"role": "model", "parts": [{"text": "Hm", "thought": True}]}, [("reasoning", "Hm", "")]),
        ({"role": "assistant", "content": "", "refusal": None, "audio": {}}, []),
    ],
)  # fmt: skip
def test_answers(answer, expected):
    assert told(answer) == [("assistant", expected)]


def test_the_items_of_a_responses_answer():
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
        {"type": "web_search_call", "id": "w1", "action": {"query": "Oslo"}},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rain"}]},
    ]
    turns = told({"output": output})
    assert [turn[1][0][0] for turn in turns] == ["reasoning", "tool_call", "text"]


def test_a_prompt_is_what_the_user_said():
    assert told({"prompt": "Weather?", "model": "m"}) == [USER]
    assert told({"input": "Weather?", "model": "m"}) == [USER]


@pytest.mark.parametrize(
    "value",
    [
        [], {}, [1], [{}], [{"a": 1}], {"a": 1}, [{"role": "user"}], {"messages": "x"}, {"input": "x"},
        {"choices": [1]}, {"output": [{"id": 1}]}, [{"role": "user", "content": "x"}, {"a": 1}],
        {"contents": 3}, {"candidates": [{}]}, {"generations": {}}, [[1]], {"lc": 1, "kwargs": {}},
    ],
)  # fmt: skip
def test_what_is_no_conversation_stays_json(value):
    assert told(value) is None


@pytest.mark.parametrize("text", ["", "Hi", "[", '{"role": "user"', "[" * 100_000, "9" * 5_000])
def test_what_is_no_json_is_no_conversation(text):
    assert read_chat(text) is None


def test_lone_surrogates_and_odd_numbers_can_be_sent_on():
    text = '[{"role": "user", "content": [{"type": "x", "n": [1e999, NaN]}, "\\ud800"]}]'
    for part in read_chat(text).turns[0].parts:
        part.text.encode()


NAMES = """role content parts type text messages tool_calls function name arguments lc id kwargs kind part_kind choices
message contents candidates generations output input data source image_url functionCall functionResponse inlineData
toolResult summary file prompt system instructions delta url format additional_kwargs config audio"""
KEYS = st.sampled_from(NAMES.split())
WORDS = st.sampled_from(
    [
        "user",
        "tool",
        "ai",
        "text",
        "image",
        "tool_result",
        "reasoning",
        "function_call",
        "request",
        "file",
        "audio",
        "",
    ]
)
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-2, 2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(VALUES)
def test_no_json_makes_it_stumble(value):
    chat = read_chat(json.dumps(value))
    if chat is not None:
        assert chat.turns
        json.dumps([turn.as_dict() for turn in chat.turns]).encode()
