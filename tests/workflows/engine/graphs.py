"""Random graphs: branches, joins, nesting, failures, retries, pauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.workflows.engine.kit import edges, node

Draw = Callable[[st.SearchStrategy[Any]], Any]


class _Grower:
    """Draws one document; names are unique in it."""

    def __init__(self, draw: Draw, kinds: list[str]) -> None:
        self.draw = draw
        self.kinds = kinds
        self.count = 0

    def block(self, depth: int, readable: list[str], first: list[str]) -> tuple[list[Any], list[Any]]:
        """The nodes and edges of a block; `first` are nodes it begins with."""
        nodes: list[dict[str, Any]] = [node(name, "start") for name in first]
        ways = {name: ["out"] for name in first}
        links: list[dict[str, str]] = []
        # what a node may read: what is around the block, and what comes before it for certain or perhaps
        ahead: dict[str, set[str]] = {name: set() for name in first}
        for _ in range(self.draw(st.integers(1, 4 - depth))):
            name = f"n{self.count}"
            self.count += 1
            parents = (
                self.draw(st.lists(st.sampled_from(sorted(ways)), unique=True, max_size=3)) if ways else []
            )
            if not parents and first:
                parents = first
            ahead[name] = set().union(*(ahead[parent] for parent in parents))
            made = self.node(name, depth, [*readable, *sorted(ahead[name])])
            for parent in parents:
                links += edges(f"{parent}:{self.draw(st.sampled_from(ways[parent]))} > {name}")
            nodes.append(made)
            ways[name] = [*made["config"].get("ports", ["out"])]
            if made.get("on_error", {}).get("strategy") == "branch":
                ways[name].append("error")
            output = {"iteration": "output", "loop": "all"}.get(made["type"], "text")
            ahead[name] |= {f"$.{name}.{output}"}
        return nodes, links

    def node(self, name: str, depth: int, readable: list[str]) -> dict[str, Any]:
        """One node of any kind."""
        kind = self.draw(
            st.sampled_from(self.kinds if depth < 2 else [k for k in self.kinds if k not in CONTAINERS])
        )
        if kind == "ask":
            return node(name, "ask")
        made = (
            self.container(name, kind, depth, readable)
            if kind in CONTAINERS
            else self.work(name, kind, readable)
        )
        strategy = self.draw(st.sampled_from(["fail", "fail", "fail", "default", "branch"]))
        if strategy != "fail":
            made["on_error"] = {"strategy": strategy}
            if strategy == "default":
                made["on_error"]["default"] = {"text": "default"}
        return made

    def work(self, name: str, kind: str, readable: list[str]) -> dict[str, Any]:
        """A node that reads some values, and fails now and then."""
        reads = self.draw(st.lists(st.sampled_from(readable), max_size=2)) if readable else []
        made = node(
            name,
            kind,
            reads=reads,
            fails=self.draw(st.sampled_from([0, 0, 0, 0, 1, -1])),
            ports=self.draw(st.sampled_from([["out"], ["out"], ["a", "b"]])),
        )
        if self.draw(st.booleans()):
            made["retry"] = {"attempts": 2, "delay_ms": 0.0, "jitter": False}
        return made

    def container(self, name: str, kind: str, depth: int, readable: list[str]) -> dict[str, Any]:
        """A container with a body that reads its rounds' variables."""
        nodes, links = self.block(depth + 1, [*readable, f"$.{name}.index"], [])
        names = [each["id"] for each in nodes if each["type"] not in CONTAINERS] or [nodes[0]["id"]]
        output = f"$.{self.draw(st.sampled_from(names))}.text"
        if kind == "loop":
            config: dict[str, Any] = {"count": self.draw(st.integers(0, 3)), "collect": {"all": output}}
        else:
            config = {
                "items": list("abc"[: self.draw(st.integers(0, 3))]),
                "output": output,
                "parallel": self.draw(st.sampled_from([1, 2, 5])),
                "round_error": self.draw(st.sampled_from(["stop", "continue", "drop"])),
            }
        made = node(name, kind, **config)
        made["body"] = {"nodes": nodes, "edges": links}
        return made


CONTAINERS = frozenset({"iteration", "loop"})
ALL = ["work", "slow", "ask", "iteration", "loop"]


@st.composite
def documents(draw: Draw, kinds: list[str] = ALL) -> dict[str, Any]:
    """A document whose nodes read what ran before them."""
    nodes, links = _Grower(draw, kinds).block(0, [], ["start"])
    return {
        "version": "flywheel/v1",
        "kind": "workflow",
        "name": "random",
        "limits": {"steps": 100_000, "parallel": draw(st.sampled_from([1, 2, 10]))},
        "nodes": nodes,
        "edges": links,
    }
