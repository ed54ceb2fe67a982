"""Validation: what is said about graphs that are wrong, and silence about those that are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows import dsl
from apps.workflows.dsl import Inventory
from tests.workflows.dsl.catalogue import CATALOGUE
from tests.workflows.dsl.support import ENVIRONMENT, document

BAD = yaml.safe_load(Path(__file__).with_name("bad_graphs.yaml").read_text(encoding="utf-8"))
#: These may run; what is said about them is a warning.
DOUBTFUL = {
    "id that templates can not read",
    "unused port",
    "unused error port",
    "branch without an end",
    "chat branch without an answer",
    "reference to an exclusive branch",
}


def inspect(data: Any, environment: Inventory | None = None) -> list[dsl.Problem]:
    return dsl.inspect(data, CATALOGUE, environment=environment)[1]


@pytest.mark.parametrize("case", BAD, ids=[case["name"] for case in BAD])
def test_every_bad_graph_gets_its_precise_messages(case: dict[str, Any]) -> None:
    data = document(case["nodes"], case["edges"], case.get("kind", "workflow"), **case.get("document", {}))
    problems = inspect(data, ENVIRONMENT if case.get("environment") else None)
    assert [f"{p.severity} {p.code} {p.place}: {p.message}" for p in problems] == case["problems"]
    assert bool(dsl.errors(problems)) is (case["name"] not in DOUBTFUL)


def test_the_table_is_large_and_each_case_is_told_apart() -> None:
    assert len(BAD) >= 100
    assert len({case["name"] for case in BAD}) == len(BAD)


GOOD = """\
version: flywheel/v1
kind: chatflow
name: All kinds of edges and references
variables:
  environment: [{name: URL, value: x}, {name: LIMIT, type: number, value: 3}]
  conversation: [{name: topic, default: ""}, {name: seen, type: "array[string]", default: []}]
nodes:
  - {id: start, type: start, config: {inputs: {name: string, orders: "array[object]"}}}
  - id: check
    type: branch
    config:
      when:
        all:
          - {left: $.start.orders, op: contains, where: {left: "@.total", op: ">", right: $.env.LIMIT}}
          - "exists($.conversation.topic) || $.sys.query contains 'x'"
  - {id: left, type: step, config: {text: "{{ start.name }} {{ sys.query }}", number: "{{ env.LIMIT }}"}}
  - {id: right, type: open, on_error: {strategy: branch}}
  - {id: sorry, type: answer, config: {answer: "{{ right.error_message }} {{ right.is_success }}"}}
  - id: each
    type: loop
    config:
      items: $.start.orders
      variables: {total: number}
      output: $.inner.text
      until: $.each.total > 10 && $.inner.count > 1
    body:
      nodes:
        - {id: inner, type: step, config: {text: "{{ each.item.name }} {{ left.text }}", number: $.each.total}}
        - {id: add, type: assign, config: {target: $.each.total, value: $.inner.count}}
        - id: nested
          type: loop
          config: {items: "$.inner.list[?@.x > $.start.orders[0].x]", output: "{{ deep.text }}"}
          body:
            nodes:
              - {id: deep, type: step, config: {integer: $.nested.index, text: $.each.item}}
              - {id: stop, type: break}
            edges: [{source: deep, target: stop}]
      edges: [{source: inner, target: add}, {source: add, target: nested}]
  - {id: remember, type: assign, config: {target: $.conversation.topic, value: "$.each.output[0]"}}
  - {id: say, type: answer, config: {answer: "{{ left.text }}{{ right.anything.at.all }} {{ each.output }}"}}
  - {id: note, type: comment}
edges:
  - {source: start, target: check}
  - {source: check, target: left, port: "yes"}
  - {source: check, target: right, port: "no"}
  - {source: left, target: each}
  - {source: right, target: each}
  - {source: right, target: sorry, port: error}
  - {source: each, target: remember}
  - {source: remember, target: say}
"""


def test_nothing_is_said_about_a_graph_without_faults() -> None:
    assert [str(problem) for problem in inspect(GOOD, ENVIRONMENT)] == []


def test_values_after_a_join_may_come_from_either_branch() -> None:
    nodes = [
        "S",
        {"id": "b", "type": "branch"},
        {"id": "x", "type": "step"},
        {"id": "y", "type": "step"},
        {"id": "join", "type": "step", "config": {"text": "{{ x.text }}{{ y.text }}"}},
        "E",
    ]
    edges = ["start > b", "b:yes > x", "b:no > y", "x > join", "y > join", "join > end"]
    assert inspect(document(nodes, edges)) == []


def test_problems_of_a_text_carry_its_lines() -> None:
    broken = GOOD.replace("$.inner.count > 1", "$.inner.cnt > 1").replace("target: say}", "target: sai}")
    found = {problem.place: problem.line for problem in inspect(broken)}
    lines = broken.splitlines()
    assert found["nodes[5].config.until"] == next(i for i, line in enumerate(lines, 1) if "cnt" in line)
    assert found["edges[7].target"] == len(lines)


def test_without_an_environment_names_outside_are_taken_on_trust() -> None:
    nodes = ["S", {"id": "m", "type": "model", "config": {"model": "any", "bases": ["any"]}}, "E"]
    data = document(nodes, ["start > m", "m > end"])
    assert inspect(data) == []
    assert inspect(data, Inventory()) == []
    assert len(inspect(data, ENVIRONMENT)) == 2


def test_names_that_are_known_only_in_a_run_are_not_looked_up() -> None:
    nodes = ["S", {"id": "m", "type": "model", "config": {"model": "{{ start.name }}"}}, "E"]
    assert inspect(document(nodes, ["start > m", "m > end"]), ENVIRONMENT) == []


def test_problems_are_plain_data() -> None:
    problem = inspect(document([], []))[0]
    assert problem.as_dict() == {
        "code": "no_nodes",
        "place": "nodes",
        "message": "There are no nodes.",
        "node_id": "",
        "severity": "error",
        "params": {},
        "line": None,
    }


def chain(length: int) -> dict[str, Any]:
    """A chain in which every node reads the one before, with templates of its own."""
    nodes: list[Any] = ["S"]
    edges = []
    before, output = "start", "name"
    for index in range(length):
        id_ = f"n{index}"
        config = {"text": f"{index}: {{{{ {before}.{output} }}}}", "values": {"x": f"$.{before}.{output}"}}
        nodes.append({"id": id_, "type": "step", "config": config})
        edges.append(f"{before} > {id_}")
        before, output = id_, "text"
    return document([*nodes, "E"], [*edges, f"{before} > end"])


def test_long_chains_and_long_cycles_need_no_deep_stack() -> None:
    data = chain(1_100)
    assert inspect(data) == []
    data["edges"].append({"source": "n1099", "target": "n0"})
    cycle = next(problem for problem in inspect(data) if problem.code == "cycle")
    assert len(cycle.params["path"]) == 1_100


names = st.sampled_from(["start", "a", "b", "c", "l", "in1", "end", "zz"])
configs = st.dictionaries(
    st.sampled_from(["text", "number", "items", "when", "target", "output", "until", "outputs", "x"]),
    st.sampled_from(
        [
            "$.a.text",
            "$.b.x.y",
            "{{ c.text }}",
            "{{ }}",
            "$.l.item",
            "$.in1.text",
            "$.",
            3,
            None,
            ["$.a.list"],
            {"all": []},
            "1 <",
        ]
    ),
    max_size=3,
)
bodies = st.fixed_dictionaries(
    {
        "nodes": st.lists(
            st.fixed_dictionaries({"id": names, "type": st.sampled_from(["step", "break", "start"])}),
            max_size=2,
        )
    }
)
wild_nodes = st.fixed_dictionaries(
    {"id": names, "type": st.sampled_from([*CATALOGUE, "nothing"]), "config": configs},
    optional={
        "body": bodies,
        "on_error": st.sampled_from(
            [{"strategy": "branch"}, {"strategy": "default", "default": {"text": 1}}]
        ),
    },
)
wild_edges = st.fixed_dictionaries(
    {"source": names, "target": names}, optional={"port": st.sampled_from(["out", "yes", "no", "error"])}
)


@settings(max_examples=40)
@given(
    st.lists(wild_nodes, max_size=7),
    st.lists(wild_edges, max_size=10),
    st.sampled_from(["workflow", "chatflow"]),
)
def test_any_graph_is_judged(nodes: list[Any], edges: list[Any], kind: str) -> None:
    problems = inspect({"version": dsl.VERSION, "kind": kind, "nodes": nodes, "edges": edges}, ENVIRONMENT)
    assert problems == sorted(set(problems), key=problems.index)
    assert all(problem.message and problem.code for problem in problems)


@settings(max_examples=40)
@given(st.integers(2, 9), st.data())
def test_a_graph_whose_edges_only_lead_forward_has_no_cycle_and_the_others_do(
    size: int, data: st.DataObject
) -> None:
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    edges = data.draw(st.lists(pairs, max_size=16, unique=True))
    nodes = [{"id": f"n{i}", "type": "step"} for i in range(size)]
    found = inspect(document(nodes, [{"source": f"n{a}", "target": f"n{b}"} for a, b in edges]))
    cycles = [problem.params["path"] for problem in found if problem.code == "cycle"]
    links = {(f"n{a}", f"n{b}") for a, b in edges}
    for path in cycles:
        assert all(pair in links for pair in zip(path, [*path[1:], path[0]], strict=True))
    assert bool(cycles) is _has_cycle(size, edges)


def _has_cycle(size: int, edges: list[tuple[int, int]]) -> bool:
    """By Warshall's closure: some node reaches itself."""
    reach = [[(a, b) in edges for b in range(size)] for a in range(size)]
    for k in range(size):
        for a in range(size):
            for b in range(size):
                reach[a][b] = reach[a][b] or (reach[a][k] and reach[k][b])
    return any(reach[a][a] for a in range(size))
