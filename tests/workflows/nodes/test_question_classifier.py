"""The classifier node."""

from __future__ import annotations

import pytest

from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.nodes.harness import Bench
from tests.workflows.nodes.models import Said, bench_with_models, unrecorded

__all__ = ["_model_server_thread", "model_server", "unrecorded"]

pytestmark = pytest.mark.usefixtures("unrecorded")

CLASSES = [
    {"id": "refund", "name": "Money back", "label": "Refunds", "examples": ["I want my money back"]},
    {"id": "tech", "name": "Something does not work"},
]


@pytest.fixture
def node(model_server) -> Bench:
    return bench_with_models("question_classifier", model_server)


@pytest.mark.parametrize(
    ("answer", "port"),
    [
        ('{"class_id": "refund", "reason": "asks for money"}', "refund"),
        ('Sure! ```json\n{"class_id": "tech"}\n```', "tech"),
        ("tech.", "tech"),
        ("Money back", "refund"),
        ("It is about refund, I think", "refund"),
        ('{"class_id": "default", "reason": "other"}', "default"),
        ("refund or tech", "default"),
        ("I can't say", "default"),
    ],
)
async def test_the_models_words_become_a_port(node, model_server, answer, port):
    model_server.script(answer)
    result = await node.run(query="Where is my money?", classes=CLASSES)
    assert result.port == port == result.outputs["class_id"]
    assert result.outputs["usage"]["total_tokens"] > 0


async def test_labels_reasons_and_instructions(node, model_server):
    node.ctx.ports.conversation = Said(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    )
    model_server.script('{"class_id": "refund", "reason": "money"}')
    found = await node.outputs(query="Q", classes=CLASSES, instruction="Be strict.", memory={"rounds": 3})
    assert (found["class_name"], found["class_label"], found["reason"]) == ("Money back", "Refunds", "money")
    messages = model_server.requests[-1].body["messages"]
    assert "Be strict." in messages[0]["content"]
    assert "I want my money back" in messages[0]["content"]
    assert [m["content"] for m in messages[1:]] == ["Hi", "Hello", "Q"]


async def test_without_a_port_for_the_rest_a_stray_answer_fails(node, model_server):
    model_server.script("no idea")
    error = await node.fails("no_class", query="x", classes=CLASSES, other=False)
    assert error.retryable


async def test_a_model_that_can_is_held_to_the_classes(model_server):
    node = bench_with_models("question_classifier", model_server, json_schema=True)
    result = await node.run(model="shape", query="x", classes=CLASSES)
    assert result.port == "refund"
    schema = model_server.requests[-1].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["class_id"]["enum"] == ["refund", "tech", "default"]


async def test_fast_mode_compares_meanings(node):
    config = {"classes": CLASSES, "mode": "fast", "embedding_model": "embed"}
    result = await node.run(query="please send my money back", **config)
    assert result.port == "refund"
    assert 0 < result.outputs["score"] <= 1
    assert (await node.run(query="zebra", threshold=0.5, **config)).port == "default"
    assert (await node.run(query="zebra", threshold=0.5, other=False, **config)).port in {"refund", "tech"}


async def test_the_built_in_model_can_not(node):
    await node.fails("model_unsuitable", model="local", query="x", classes=CLASSES)


def test_problems_and_ports(node):
    twice = [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}, {"id": "default", "name": "C"}]
    assert set(node.problems(query="x", classes=twice)) == {"classes[1].id", "classes[2].id"}
    config = node.config(query="x", classes=CLASSES)
    assert [port.name for port in node.type.ports(config)] == ["refund", "tech", "default"]
