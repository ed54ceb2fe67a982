"""The language model node."""

from __future__ import annotations

import asyncio
import base64

import pytest

from apps.workflows.nodes.support.thinking import Splitter, tagged
from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.nodes.harness import Bench, MemoryFiles
from tests.workflows.nodes.models import Said, bench_with_models, unrecorded

__all__ = ["_model_server_thread", "model_server", "unrecorded"]

pytestmark = pytest.mark.usefixtures("unrecorded")

ASK = [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "What is tea?"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "temperature": {"type": "integer"}},
    "required": ["city", "temperature"],
}
PASSAGES = [
    {
        "content": "Tea is a plant.",
        "title": "tea.md",
        "score": 0.9,
        "metadata": {"chunk_id": "c1", "document_id": "d1"},
    },
    {"content": "Coffee is a bean.", "title": "coffee.md", "score": 0.5, "metadata": {"chunk_id": "c2"}},
]
HISTORY = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi [1]!"},
    {"role": "user", "content": "Green or black?"},
    {"role": "assistant", "content": "Green."},
]


@pytest.fixture
def node(model_server) -> Bench:
    return bench_with_models("llm", model_server)


def sent(server) -> dict:
    return server.requests[-1].body


async def test_it_answers_streams_and_counts(node, model_server):
    found = await node.outputs(
        model="echo", prompt=ASK, parameters={"temperature": 0.2, "max_tokens": 50, "seed": 3}
    )
    assert found["text"] == "What is tea?" == "".join(node.ctx.said)
    assert len(node.ctx.said) > 1
    assert found["finish_reason"] == "stop"
    usage = found["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    assert float(usage["cost"]) > 0
    assert node.ctx.used == {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
    body = sent(model_server)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is tea?"},
    ]
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.2, 50, 3)


async def test_one_text_is_one_message(node, model_server):
    assert (await node.outputs(text="Tea?"))["text"] == "Tea?"
    assert sent(model_server)["messages"] == [{"role": "user", "content": "Tea?"}]


async def test_a_prompt_that_says_nothing_is_an_error(node):
    await node.fails("empty_prompt", prompt=[{"role": "user", "text": ""}])


@pytest.mark.parametrize(
    ("model", "code", "retryable"),
    [
        ("down", "model_unavailable", True),
        ("badkey", "model_rejected", False),
        ("missing", "model_rejected", False),
        ("overloaded-60", "model_rate_limited", True),
        ("truncate", "model_unavailable", True),
        ("nobody", "no_model", False),
    ],
)
async def test_failures_say_whether_trying_again_may_help(node, monkeypatch, model, code, retryable):
    monkeypatch.setattr("apps.providers.gateway.retry.BASE_S", 0.0)
    error = await node.fails(code, model=model, text="x")
    assert error.retryable is retryable


async def test_the_fallback_is_asked_when_the_model_says_nothing(node, monkeypatch):
    monkeypatch.setattr("apps.providers.gateway.retry.BASE_S", 0.0)
    found = await node.outputs(model="down", fallback="echo", text="x")
    assert (found["text"], found["model"]) == ("x", "echo")
    await node.fails("model_unavailable", model="truncate", fallback="echo", text="x")


async def test_reasoning_apart_in_tags_or_dropped(node):
    found = await node.outputs(model="reason", text="x")
    assert (found["text"], found["reasoning"].strip()) == ("So: x", "First I think about it. Then I answer.")
    found = await node.outputs(model="reason", text="x", reasoning="tagged")
    assert found["text"].startswith("<think>\nFirst I think")
    assert (await node.outputs(model="reason", text="x", reasoning="drop"))["reasoning"] == ""


async def test_thinking_in_tags_is_taken_out_of_the_stream(node, model_server):
    model_server.script("<think>\nHm, tea.\n</think>\n\nTea it is.")
    found = await node.outputs(text="x")
    assert (found["text"], found["reasoning"]) == ("Tea it is.", "Hm, tea.")
    assert "".join(node.ctx.said) == "Tea it is."


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_splitter_does_not_mind_how_a_text_was_cut(size):
    for text, expected in {
        "<think>a<b</thin</think>\nsaid <think>too</think>": ("said <think>too</think>", "a<b</thin"),
        "no tags < at all": ("no tags < at all", ""),
        "  <thin air": ("  <thin air", ""),
        "<think>never closed": ("", "never closed"),
        "": ("", ""),
    }.items():
        splitter = Splitter()
        pieces = [splitter.feed(text[i : i + size]) for i in range(0, len(text), size)] + [splitter.finish()]
        assert ("".join(said for said, _ in pieces), "".join(thought for _, thought in pieces)) == expected
        assert splitter.text == expected[0]
    assert tagged("a", "") == "a"


async def test_passages_are_numbered_and_cited(node, model_server):
    found = await node.outputs(model="rag", prompt=ASK, context=PASSAGES)
    assert found["text"] == "Tea is a plant. [1]"
    (citation,) = found["citations"]
    assert citation["cited"] is True
    assert (citation["n"], citation["document_name"], citation["chunk_id"], citation["document_id"]) == (
        1, "tea.md", "c1", "d1",
    )  # fmt: skip
    system = sent(model_server)["messages"][0]["content"]
    assert system.startswith("Be brief.")
    assert '<passage id="2" title="coffee.md">' in system


async def test_the_mark_says_where_passages_go(node, model_server):
    await node.outputs(text="Facts: <<context>> Now answer.", context=["Tea is a plant."])
    (message,) = sent(model_server)["messages"]
    assert message["content"].startswith('Facts: <passage id="1"')


async def test_nothing_found_is_told_to_the_model(node, model_server):
    found = await node.outputs(prompt=ASK, context=[])
    assert "Nothing in the knowledge base" in sent(model_server)["messages"][0]["content"]
    assert found["citations"] == []


async def test_the_built_in_model_quotes_the_context(node):
    found = await node.outputs(
        model="local", prompt=[{"role": "user", "text": "What is tea?"}], context=PASSAGES
    )
    assert "Tea is a plant." in found["text"]
    assert found["citations"][0]["title"] == "tea.md"


async def test_memory_goes_between_instructions_and_question(node, model_server):
    node.ctx.ports.conversation = Said(HISTORY)
    await node.outputs(prompt=ASK, memory={"rounds": 1})
    roles = [(m["role"], m["content"]) for m in sent(model_server)["messages"]]
    assert roles == [
        ("system", "Be brief."), ("user", "Green or black?"), ("assistant", "Green."), ("user", "What is tea?"),
    ]  # fmt: skip


async def test_memory_asks_the_persons_question_when_the_prompt_does_not(node, model_server):
    node.ctx.ports.conversation = Said(HISTORY[:2])
    node.ctx.scope = {"sys": {"query": "And milk?"}}
    await node.outputs(prompt=ASK[:1], memory={})
    assert [m["content"] for m in sent(model_server)["messages"]] == [
        "Be brief.",
        "Hello",
        "Hi [1]!",
        "And milk?",
    ]


async def test_memory_in_a_prompt_of_one_text(node, model_server):
    node.ctx.ports.conversation = Said(HISTORY[:2])
    await node.outputs(
        text="Story:\n<<history>>\nGo on.", memory={"user_prefix": "Q", "assistant_prefix": "A"}
    )
    assert sent(model_server)["messages"][0]["content"] == "Story:\nQ: Hello\nA: Hi [1]!\nGo on."


async def test_a_history_that_does_not_fit_is_cut(node, model_server):
    node.ctx.ports.conversation = Said(
        [{"role": r, "content": "word " * 4_000} for r in ("user", "assistant")] * 5
    )
    await node.outputs(prompt=ASK, memory={"rounds": 50})
    assert len(sent(model_server)["messages"]) < 6


async def test_memory_without_a_conversation_says_so(node):
    await node.fails("port_missing", prompt=ASK, memory={})


async def test_pictures_from_files_and_addresses(node, model_server):
    files = MemoryFiles()
    node.ctx.ports.files = files
    picture = files.give("a.png", b"PNG", "image/png")
    await node.outputs(prompt=ASK, vision={"files": [picture, "https://example.org/b.jpg"], "detail": "high"})
    content = sent(model_server)["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    assert content[1]["image_url"] == {
        "url": "data:image/png;base64," + base64.b64encode(b"PNG").decode(),
        "detail": "high",
    }
    assert content[2]["image_url"]["url"] == "https://example.org/b.jpg"


async def test_what_is_no_picture_is_refused(node):
    files = MemoryFiles()
    node.ctx.ports.files = files
    await node.fails("no_image", prompt=ASK, vision={"files": files.give("a.pdf", b"x", "application/pdf")})
    await node.fails("no_image", prompt=ASK, vision={"files": "picture"})
    await node.fails(
        "too_many_images", prompt=ASK, vision={"files": ["https://e.org/a"] * 3, "max_images": 2}
    )
    assert (await node.outputs(prompt=ASK, vision={"files": None}))["text"]


async def test_pictures_of_the_model_become_files(node, model_server):
    node.ctx.ports.files = MemoryFiles()
    url = "data:image/png;base64," + base64.b64encode(b"PNG").decode()
    model_server.script({"text": "Here.", "images": [url]})
    (file,) = (await node.outputs(text="draw"))["files"]
    assert (file["name"], file["content_type"]) == ("image-1.png", "image/png")
    assert node.ctx.ports.files.contents["image-1.png"] == b"PNG"


async def test_calls_of_tools_are_an_output(node, model_server):
    tool = {"name": "weather", "description": "Looks.", "parameters": SCHEMA}
    found = await node.outputs(model="tool", text="Berlin?", tools=[tool])
    assert found["tool_calls"] == [
        {"id": "call_0", "name": "weather", "arguments": {"city": "Berlin?", "temperature": 1}}
    ]
    assert found["finish_reason"] == "tool_calls"
    given = [
        {"role": "assistant", "content": "", "tool_calls": found["tool_calls"]},
        {"role": "tool", "content": {"sky": "blue"}, "tool_call_id": "call_0"},
    ]
    answer = await node.outputs(
        model="tool", text="Berlin?", tools=[tool], tool_choice="none", messages=given
    )
    assert answer["text"] == 'The tools said: {"sky":"blue"}.'
    assert sent(model_server)["tool_choice"] == "none"
    await node.fails("bad_message", text="x", messages=[{"content": "?"}])


async def test_a_shape_the_model_is_held_to(model_server):
    node = bench_with_models("llm", model_server, json_schema=True)
    found = await node.outputs(model="shape", text="Oslo", structured={"json_schema": SCHEMA, "strict": True})
    assert found["structured"] == {"city": "Oslo", "temperature": 1}
    wanted = sent(model_server)["response_format"]["json_schema"]
    assert (wanted["strict"], wanted["schema"]) == (True, SCHEMA)
    assert "".join(node.ctx.said) == found["text"]


async def test_a_shape_that_is_asked_for_in_words(node, model_server):
    found = await node.outputs(model="json", prompt=ASK, structured={"json_schema": SCHEMA})
    assert found["structured"] == {"city": "Berlin", "temperature": 21}
    assert "JSON Schema" in sent(model_server)["messages"][0]["content"]
    assert "response_format" not in sent(model_server)


async def test_a_server_without_response_format_is_asked_in_words(node, model_server):
    """The refused option is dropped; the answer is then asked for once more, in words."""
    model_server.script("no idea", '```json\n{"city": "Oslo", "temperature": 3,}\n```')
    shape = {"json_schema": SCHEMA, "mode": "native"}
    found = await node.outputs(model="plain", text="x", structured=shape)
    assert found["structured"] == {"city": "Oslo", "temperature": 3}


async def test_an_answer_of_another_shape_is_repaired_once(node, model_server):
    model_server.script('{"city": "Oslo"}', '{"city": "Oslo", "temperature": 3}')
    found = await node.outputs(text="x", structured={"json_schema": SCHEMA})
    assert found["structured"]["temperature"] == 3
    assert [name for name, _data in node.ctx.logged] == ["structured.repair"]
    assert "".join(node.ctx.said) == found["text"]
    assert found["usage"]["input_tokens"] == node.ctx.used["input_tokens"]

    model_server.script("no", "no again")
    error = await node.fails("structured_output_invalid", text="x", structured={"json_schema": SCHEMA})
    assert error.retryable
    model_server.script("no")
    shape = {"json_schema": SCHEMA, "repair": False}
    await node.fails("structured_output_invalid", text="x", structured=shape)


async def test_any_json_object(node, model_server):
    found = await node.outputs(model="json", text="x", parameters={"response_format": "json"})
    assert found["structured"]["city"] == "Berlin"
    assert sent(model_server)["response_format"] == {"type": "json_object"}


def test_problems(node):
    assert set(node.problems(text="")) == {"prompt"}
    assert set(node.problems(text="x", prompt=ASK)) == {"text"}
    assert set(node.problems(text="x", tool_choice="f")) == {"tool_choice"}
    assert (
        "structured.json_schema"
        in node.problems(text="x", structured={"json_schema": {"type": 3}}).popitem()[0]
    )
    assert set(node.problems(text="x", tools=[{"name": "a"}, {"name": "a"}])) == {"tools"}


async def test_cancelling_reaches_the_server(node, model_server):
    running = asyncio.create_task(node.run(model="stall-3", text="x"))
    assert await asyncio.to_thread(model_server.wait_for, bool)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(model_server.wait_for, lambda requests: requests[-1].disconnected)
