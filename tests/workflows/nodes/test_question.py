"""Questions."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Result, Wait
from apps.workflows.nodes.support import forms
from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.nodes.harness import Bench
from tests.workflows.nodes.models import bench_with_models, unrecorded

__all__ = ["_model_server_thread", "model_server", "unrecorded"]

OPTIONS = {
    "question": "Tea or coffee?",
    "answer_type": "options",
    "options": [{"id": "tea", "text": "Green tea"}, {"id": "coffee", "text": "Coffee"}],
}
FIELDS = {
    "fields": [
        {"name": "city", "description": "the city"},
        {"name": "days", "type": "integer", "required": False},
        {"name": "class_", "options": ["eco", "biz"], "required": False},
    ]
}


@pytest.fixture
def node() -> Bench:
    return Bench("question")


async def answered(node: Bench, config: dict, *answers: object) -> Result | Wait:
    """Ask, and answer with texts or with whole answers."""
    outcome = await node.run(**config)
    for answer in answers:
        assert isinstance(outcome, Wait)
        outcome = await node.resume(
            outcome, answer if isinstance(answer, dict) else {"text": answer}, **config
        )
    return outcome


async def test_a_free_answer(node):
    config = {"question": "Your name?"}
    wait = await answered(node, config)
    assert (wait.kind, wait.payload["content"], wait.payload["text_field"]) == (
        "question",
        "Your name?",
        "answer",
    )
    assert json.loads(json.dumps(wait.state)) == wait.state
    done = await answered(node, config, {"values": {"answer": " Ann "}, "by": {"id": "1", "name": "A"}})
    assert done.outputs == {"answer": " Ann ", "attempts": 1, "answered_by": "A", "timed_out": False}
    assert (await answered(node, config, "Ann")).port == "out"


@pytest.mark.parametrize(
    ("check", "wrong", "right", "value"),
    [
        ({"format": "integer", "min": 18}, "17", "18", 18),
        ({"format": "number"}, "much", "1.5", 1.5),
        ({"format": "yes_no"}, "perhaps", "yes", True),
        ({"format": "date"}, "31.1.", "2026-01-31", "2026-01-31"),
        ({"format": "email"}, "ann", "a@b.org", "a@b.org"),
        ({"format": "url"}, "example", "https://example.org", "https://example.org"),
        ({"min_length": 3, "pattern": "^[a-z]+$"}, "AB", "abc", "abc"),
    ],
)
async def test_answers_are_checked_and_asked_for_again(node, check, wrong, right, value):
    config = {"question": "?", "check": check}
    again = await answered(node, config, wrong)
    assert isinstance(again, Wait)
    assert (again.payload["attempt"], list(again.payload["errors"])) == (2, ["answer"])
    done = await answered(node, config, wrong, right)
    assert (done.outputs["answer"], done.outputs["attempts"]) == (value, 2)


async def test_it_gives_up(node):
    config = {"question": "?", "check": {"format": "integer", "message": "A number, please."}, "attempts": 2}
    again = await answered(node, config, "x")
    assert again.payload["errors"] == {"answer": "A number, please."}
    with pytest.raises(NodeError) as caught:
        await answered(node, config, "x", "y")
    assert caught.value.code == "question_unanswered"


@pytest.mark.parametrize("answer", ["tea", "green tea.", "1", {"values": {"answer": "tea"}}])
async def test_an_option_is_a_port(node, answer):
    done = await answered(node, OPTIONS, answer)
    assert done.port == "tea"
    found = (done.outputs["answer"], done.outputs["option_id"], done.outputs["option_index"])
    assert found == ("Green tea", "tea", 0)


async def test_another_answer_is_a_port_too_or_asked_again(node):
    done = await answered(node, OPTIONS, "water")
    assert (done.port, done.outputs["answer"], done.outputs["option_id"]) == ("other", "water", "")
    again = await answered(node, {**OPTIONS, "allow_other": False}, "water")
    assert again.payload["errors"] == {"answer": "is none of the options."}
    assert forms.check_answer(again.payload, {"text": "water"}) == {}


async def test_options_of_a_variable_leave_by_one_port(node):
    config = {
        "question": "?",
        "answer_type": "options",
        "dynamic_options": ["a", {"value": "b", "label": "Bee"}],
    }
    done = await answered(node, config, "bee")
    assert (done.port, done.outputs["option_id"], done.outputs["option_text"]) == ("out", "b", "Bee")
    with pytest.raises(NodeError):
        await answered(node, {**config, "dynamic_options": []})


async def test_several_may_be_chosen(node):
    config = {**OPTIONS, "multiple": True}
    done = await answered(node, config, {"values": {"answer": ["coffee", "1", "coffee"]}})
    assert (done.port, done.outputs["option_id"]) == ("out", ["coffee", "tea"])
    assert done.outputs["option_index"] == [1, 0]
    done = await answered(node, config, {"values": {"answer": ["tea", "milk"]}})
    assert (done.port, done.outputs["answer"]) == ("other", ["tea", "milk"])


async def test_nobody_answers(node):
    config = {**OPTIONS, "answer_within_s": 9}
    wait = await answered(node, config)
    assert wait.timeout_s == 9
    done = await answered(node, config, {"timeout": True})
    assert (done.port, done.outputs["answer"], done.outputs["timed_out"]) == ("timeout", None, True)


def test_ports_outputs_and_problems(node):
    def ports(**config: object) -> list[str]:
        return [port.name for port in node.type.ports(node.config(question="?", **config))]

    listed = {"answer_type": "options", "options": OPTIONS["options"]}
    assert ports() == ["out"]
    assert ports(**listed) == ["tea", "coffee", "other"]
    assert ports(**listed, allow_other=False, answer_within_s=1) == ["tea", "coffee", "timeout"]
    assert ports(**listed, multiple=True) == ["out", "other"]
    assert ports(answer_type="options", dynamic_options="$.a.b") == ["out", "other"]
    outputs = node.type.outputs(node.config(question="?", check={"format": "integer"}, extract=FIELDS))
    assert (outputs["answer"].type, outputs["days"].type) == ("integer", "integer")
    clash = [{"id": "other"}, {"id": "x"}, {"id": "x"}]
    found = node.problems(question="?", answer_type="options", options=clash, dynamic_options="$.a.b")
    assert set(found) == {"options[0].id", "options[2].id", "dynamic_options"}
    assert set(node.problems(question="?", answer_type="options")) == {"options"}
    taken = {"fields": [{"name": "answer"}]}
    assert set(node.problems(question="?", extract=taken)) == {"extract.fields[0].name"}


@pytest.mark.usefixtures("unrecorded")
class TestWithModel:
    """A model reads the answer."""

    async def test_fields_are_taken_out(self, model_server):
        node = bench_with_models("question", model_server, json_schema=True)
        model_server.script('{"city": "Oslo", "days": "3", "class_": "first"}')
        model_server.script('{"city": "Oslo", "days": 3, "class_": null}')
        done = await answered(node, {"question": "Where to?", "extract": FIELDS}, "Oslo, three days")
        assert (done.outputs["city"], done.outputs["days"], done.outputs["class_"]) == ("Oslo", 3, None)
        body = model_server.requests[-2].body
        assert body["response_format"]["json_schema"]["strict"] is True
        assert "Oslo, three days" in body["messages"][-1]["content"]
        assert node.ctx.used["input_tokens"] > 0

    async def test_missing_fields_are_asked_for(self, model_server):
        node = bench_with_models("question", model_server)
        model_server.script('{"city": null, "days": 3, "class_": null}')
        config = {"question": "Where to?", "extract": FIELDS}
        again = await answered(node, config, "three days")
        assert again.payload["content"] == "Where to?\n\n(the city)"
        assert again.payload["errors"] == {"answer": "lacks: the city."}
        model_server.script('{"city": "Oslo", "days": null, "class_": null}')
        done = await node.resume(again, {"text": "Oslo"}, **config)
        assert (done.outputs["city"], done.outputs["days"], done.outputs["attempts"]) == ("Oslo", 3, 2)
        said = model_server.requests[-1].body["messages"][-1]["content"]
        assert "three days" in said
        assert "Answer: Oslo" in said

    async def test_an_answer_in_other_words_is_understood(self, model_server):
        node = bench_with_models("question", model_server)
        config = {**OPTIONS, "match": {}}
        model_server.script('{"options": ["tea"]}')
        assert (await answered(node, config, "the one with leaves")).port == "tea"
        model_server.script('{"options": ["other"]}')
        assert (await answered(node, config, "beer")).port == "other"
        before = len(model_server.requests)
        assert (await answered(node, config, "coffee")).port == "coffee"
        assert len(model_server.requests) == before
