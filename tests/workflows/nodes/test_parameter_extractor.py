"""The parameter extractor node."""

from __future__ import annotations

import pytest

from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.nodes.harness import Bench
from tests.workflows.nodes.models import bench_with_models, unrecorded

__all__ = ["_model_server_thread", "model_server", "unrecorded"]

pytestmark = pytest.mark.usefixtures("unrecorded")

WANTED = [
    {"name": "city", "description": "Where", "required": True},
    {"name": "days", "type": "integer", "default": 1},
    {"name": "unit", "type": "select", "options": ["C", "F"]},
    {"name": "tags", "type": "array[string]"},
]


@pytest.fixture
def node(model_server) -> Bench:
    return bench_with_models("parameter_extractor", model_server)


async def test_by_a_function_call(node, model_server):
    call = {"name": "extract", "arguments": {"city": "Oslo", "days": "3", "unit": "C", "tags": ["a"]}}
    model_server.script({"tool_calls": [call]})
    found = await node.outputs(query="Oslo, three days", extract=WANTED)
    assert found["parameters"] == {"city": "Oslo", "days": 3, "unit": "C", "tags": ["a"]}
    assert (found["city"], found["is_success"], found["reason"]) == ("Oslo", True, "")
    body = model_server.requests[-1].body
    assert body["tool_choice"] == {"type": "function", "function": {"name": "extract"}}
    schema = body["tools"][0]["function"]["parameters"]
    assert schema["required"] == ["city"]
    assert schema["properties"]["unit"] == {"type": "string", "enum": ["C", "F"]}


async def test_in_words(node, model_server):
    model_server.script('Here: {"city": "Oslo", "days": null}')
    found = await node.outputs(query="Oslo", extract=WANTED, mode="prompt", instruction="Cities only.")
    assert (found["city"], found["days"], found["unit"], found["tags"]) == ("Oslo", 1, None, [])
    body = model_server.requests[-1].body
    assert "tools" not in body
    assert "Cities only." in body["messages"][0]["content"]


async def test_a_model_without_tools_is_asked_in_words(model_server):
    node = bench_with_models("parameter_extractor", model_server, tools=False)
    model_server.script('{"city": "Oslo"}')
    assert (await node.outputs(query="x", extract=WANTED))["is_success"]
    assert "tools" not in model_server.requests[-1].body


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("{}", "“city” is not in the text."),
        ("sorry", "“city” is not in the text."),
        ('{"city": "Oslo", "days": "many"}', "“days”"),
        ('{"city": "Oslo", "unit": "K"}', "none of the options"),
    ],
)
async def test_what_is_missing_or_does_not_fit_is_told(node, model_server, answer, reason):
    model_server.script(answer)
    found = await node.outputs(query="x", extract=WANTED)
    assert found["is_success"] is False
    assert reason in found["reason"]
    model_server.script(answer)
    error = await node.fails("extraction_failed", query="x", extract=WANTED, fail=True)
    assert error.retryable


async def test_the_built_in_model_can_not(node):
    await node.fails("model_unsuitable", model="local", query="x", extract=WANTED)


def test_problems(node):
    wanted = [{"name": "a"}, {"name": "a"}, {"name": "usage"}, {"name": "s", "type": "select"}]
    assert set(node.problems(query="x", extract=wanted)) == {
        "extract[1].name",
        "extract[2].name",
        "extract[3].options",
    }
