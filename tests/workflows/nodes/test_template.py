"""The template node."""

from __future__ import annotations

import pytest

from apps.workflows.dsl import parse, validate
from apps.workflows.nodes.registry import catalogue
from tests.workflows.nodes.harness import Bench


@pytest.fixture
def node() -> Bench:
    return Bench("template")


async def test_it_fills_in_names_of_nodes_and_names_of_its_own(node):
    node.ctx.scope = {"llm": {"text": "tea"}, "sys": {"query": "q"}}
    template = "{{ llm.text }}/{{ sys.query }}/{% for each in names %}{{ each|upper }};{% endfor %}"
    assert await node.outputs(template=template, variables={"names": ["a", "b"]}) == {"output": "tea/q/A;B;"}


async def test_a_name_of_its_own_comes_first(node):
    node.ctx.scope = {"x": {"y": "outside"}}
    assert await node.outputs(template="{{ x.y }}", variables={"x": {"y": "inside"}}) == {"output": "inside"}


async def test_a_text_that_is_too_long_is_an_error(node):
    error = await node.fails("text_too_long", template="{{ a }}", variables={"a": "x" * 11}, max_chars=10)
    assert error.message == "The text has 11 characters; 10 are allowed."


async def test_what_fails_within_the_template_is_an_error_of_the_node(node):
    await node.fails("template_failed", template="{{ 1 // a }}", variables={"a": 0})


@pytest.mark.parametrize(
    "template",
    ["{% for i in range(10**9) %}x{% endfor %}", "{{ 'x' * 10**9 }}"],
)
async def test_nobody_can_keep_the_process_busy(node, template):
    await node.fails("template_failed", template=template, variables={"a": {"b": 1}})


async def test_only_data_can_be_reached(node):
    assert await node.outputs(template="{{ a.__init__.__globals__ }}.", variables={"a": {}}) == {
        "output": "."
    }


def test_problems_are_seen_before_it_runs(node):
    assert set(node.problems(template="", variables={"a b": 1})) == {"variables.a b"}


def test_what_it_reads_is_checked_but_for_its_own_names():
    template = "{{ short }} {{ nobody.x }} {{ start.a }} {% for each in short %}{{ each }}{% endfor %}"
    nodes = [
        {"id": "start", "type": "start", "config": {"inputs": [{"name": "a"}]}},
        {
            "id": "t",
            "type": "template",
            "config": {"template": template, "variables": {"short": "$.start.a"}},
        },
        {"id": "end", "type": "end", "config": {"outputs": [{"name": "o", "value": "$.t.output"}]}},
    ]
    edges = [{"source": "start", "target": "t"}, {"source": "t", "target": "end"}]
    document = parse(
        {"version": "flywheel/v1", "kind": "workflow", "name": "T", "nodes": nodes, "edges": edges}
    )
    found = [(each.place, each.message) for each in validate(document, catalogue())]
    assert [place for place, _message in found] == ["nodes[1].config.template"]
    assert "nobody" in found[0][1]
