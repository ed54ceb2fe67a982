"""Differences between two documents."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings

from apps.workflows import dsl
from apps.workflows.dsl import Change, DocumentError
from tests.workflows.dsl.support import document
from tests.workflows.dsl.test_document import documents

BASE = document(
    [
        "S",
        {
            "id": "a",
            "type": "step",
            "title": "A",
            "config": {"text": "x", "pairs": [{"name": "n", "value": "v"}]},
            "position": {"x": 0, "y": 0},
        },
        {"id": "l", "type": "loop", "body": {"nodes": [{"id": "inner", "type": "step"}], "edges": []}},
        "E",
    ],
    ["start > a", "a > l", "l > end"],
    name="Old",
    variables={"environment": [{"name": "URL", "value": "x"}]},
)


def changed(**changes: Any) -> list[Change]:
    new = {**copy.deepcopy(BASE), **changes}
    return dsl.diff(dsl.parse(BASE), dsl.parse(new))


def nodes(index: int, **changes: Any) -> list[Any]:
    found = copy.deepcopy(BASE["nodes"])
    found[index].update(changes)
    return found


def test_equal_documents_have_no_differences() -> None:
    assert changed() == []


def test_configurations_are_compared_in_depth() -> None:
    config = {"text": "x", "pairs": [{"name": "n", "value": "w"}, {"name": "m"}], "size": 3}
    assert changed(nodes=nodes(1, title="B", config=config)) == [
        Change("changed", "node", "a", "title", "A", "B"),
        Change("changed", "node", "a", "config.pairs[0].value", "v", "w"),
        Change("added", "node", "a", "config.pairs[1]", None, {"name": "m"}),
        Change("added", "node", "a", "config.size", None, 3),
    ]


def test_moves_on_the_canvas_are_told_apart() -> None:
    new = dsl.parse({**BASE, "nodes": nodes(1, position={"x": 5, "y": 0})})
    found = dsl.diff(dsl.parse(BASE), new)
    assert found == [Change("moved", "node", "a", "position", {"x": 0, "y": 0}, {"x": 5, "y": 0})]
    assert dsl.diff(dsl.parse(BASE), new, layout=False) == []


def test_nodes_come_go_and_change_their_body() -> None:
    found = nodes(2, body={"nodes": [], "edges": []})
    found.append({"id": "inner", "type": "step"})
    del found[1]
    assert changed(nodes=found, edges=[]) == [
        Change(
            "removed", "node", "a", "", {"type": "step", "title": "A", "config": BASE["nodes"][1]["config"]}
        ),
        Change("moved", "node", "inner", "body", "l", ""),
        *[
            Change("removed", "edge", f"{edge['source']}:out → {edge['target']}", "", {**edge, "port": "out"})
            for edge in BASE["edges"]
        ],
    ]


def test_edges_of_bodies_count() -> None:
    body = {
        "nodes": [{"id": "inner", "type": "step"}, {"id": "next", "type": "step"}],
        "edges": [{"source": "inner", "target": "next"}],
    }
    assert changed(nodes=nodes(2, body=body)) == [
        Change("added", "node", "next", "", None, {"type": "step"}),
        Change(
            "added",
            "edge",
            "inner:out → next",
            "",
            None,
            {"source": "inner", "target": "next", "port": "out"},
        ),
    ]


def test_variables_and_settings() -> None:
    variables = {"environment": [{"name": "URL", "value": "y"}], "conversation": []}
    assert changed(name="New", limits={"steps": 5}, variables=variables) == [
        Change("changed", "document", "", "name", "Old", "New"),
        Change("added", "document", "", "limits", None, {"steps": 5}),
        Change("changed", "environment", "URL", "value", "x", "y"),
    ]


def test_a_changed_type_of_a_value_is_a_change() -> None:
    assert changed(nodes=nodes(1, config={**BASE["nodes"][1]["config"], "text": 1}))[0].new == 1
    a = dsl.parse(document([{"id": "a", "type": "x", "config": {"v": 1}}], []))
    b = dsl.parse(document([{"id": "a", "type": "x", "config": {"v": True}}], []))
    assert [change.path for change in dsl.diff(a, b)] == ["config.v"]


@settings(max_examples=40)
@given(documents, documents)
def test_a_difference_is_found_exactly_when_there_is_one(first: Any, second: Any) -> None:
    try:
        old, new = dsl.parse(first), dsl.parse(second)
    except DocumentError:
        return
    assert dsl.diff(old, old) == []
    if not dsl.diff(old, new):
        ids = [[node.id for node, _ in parsed.walk()] for parsed in (old, new)]
        unique = all(len(set(found)) == len(found) for found in ids)
        assert not unique or {node.id for node in old.nodes} == {node.id for node in new.nodes}
