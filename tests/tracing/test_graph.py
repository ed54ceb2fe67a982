"""The graph of a trace: the page's own modules, run in the engine of the sandbox."""

import json
import re
from pathlib import Path

import pytest
from _quickjs import Context

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "tracing" / "js"


@pytest.fixture(scope="module")
def draw():
    """Draw a trace given as (id, parent, name, start, end): groups with their place, and edges."""
    context = Context()
    for name in ("tree.js", "graph_model.js"):
        context.eval(re.sub(r"^export ", "", (SCRIPTS / name).read_text(), flags=re.MULTILINE))
    context.eval(
        """function drawn(text) {
             const graph = graphOf(buildTree(JSON.parse(text)));
             const size = layout(graph);
             return JSON.stringify({
               groups: graph.groups.map(
                 ({ name, steps, rank, x, y, errors }) => ({ name, steps: steps.length, rank, x, y, errors }),
               ),
               edges: graph.edges.map(({ from, to, count }) => [from.split("\\n")[1], to.split("\\n")[1], count]),
               hidden: graph.hidden, hiddenEdges: graph.hiddenEdges, width: size.width, height: size.height,
             });
           }"""
    )

    def run(*steps):
        names = ("id", "parent", "name", "start", "end", "error")
        rows = [{"type": "span", **dict(zip(names, step, strict=False))} for step in steps]
        return json.loads(context.eval(f"drawn({json.dumps(json.dumps(rows))})"))

    return run


def test_steps_that_follow_each_other_are_a_chain(draw):
    graph = draw(
        ("1", None, "agent", 0, 10), ("2", "1", "search", 1, 2), ("3", "1", "model", 2, 5), ("4", "1", "answer", 6, 9)
    )  # fmt: skip
    assert graph["edges"] == [["agent", "search", 1], ["search", "model", 1], ["model", "answer", 1]]
    assert [group["rank"] for group in graph["groups"]] == [0, 1, 2, 3]


def test_steps_at_the_same_time_hang_on_their_parent(draw):
    graph = draw(("1", None, "agent", 0, 10), ("2", "1", "left", 1, 5), ("3", "1", "right", 1, 6))
    assert sorted(graph["edges"]) == [["agent", "left", 1], ["agent", "right", 1]]
    left, right = graph["groups"][1:]
    assert left["y"] == right["y"]
    assert abs(left["x"] - right["x"]) >= 176


def test_a_loop_is_one_node_for_each_kind(draw):
    steps = [("0", None, "agent", 0, 100)]
    for turn in range(10):
        steps.append((f"m{turn}", "0", "model", 10 * turn, 10 * turn + 3, turn == 4))
        steps.append((f"t{turn}", "0", "tool", 10 * turn + 4, 10 * turn + 8))
    graph = draw(*steps)
    assert [(group["name"], group["steps"], group["errors"]) for group in graph["groups"]] == [
        ("agent", 1, 0), ("model", 10, 1), ("tool", 10, 0),
    ]  # fmt: skip
    assert sorted(graph["edges"]) == [["agent", "model", 1], ["model", "tool", 10], ["tool", "model", 9]]
    assert [group["rank"] for group in graph["groups"]] == [0, 1, 2]


def test_every_node_lies_inside_the_picture_and_on_no_other(draw):
    steps = [("0", None, "root", 0, 1000)]
    steps += [(str(n), str(n // 3), f"kind {n % 40}", n, n + 1 + n % 7) for n in range(1, 400)]
    graph = draw(*steps)
    places = [(group["x"], group["y"]) for group in graph["groups"]]
    assert len(set(places)) == len(places)
    assert all(88 <= x <= graph["width"] - 88 and 24 <= y <= graph["height"] - 24 for x, y in places)


def test_a_crowd_is_cut_and_says_so(draw):
    graph = draw(*[(str(n), None, f"kind {n % 200}", n, n + 1) for n in range(300)])
    assert (len(graph["groups"]), graph["hidden"]) == (120, 80)


def test_no_steps_are_no_graph(draw):
    assert draw()["groups"] == []
