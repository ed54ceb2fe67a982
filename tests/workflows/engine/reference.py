"""The engine's meaning in few lines: one node after the other, nothing at the same time, nothing kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.workflows.engine.kit import chosen, text_of

Scope = dict[str, dict[str, Any]]
Left = tuple[dict[str, Any], str]


class Failed(Exception):
    pass


class Interpreter:
    """Interprets documents of `graphs`; `answers` are what waits are told, by path."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self.answers, self.partial = answers, False
        self.effects: list[str] = []

    def block(self, block: Mapping[str, Any], scope: Scope, prefix: str) -> Scope:
        """Run the nodes of a block in an order its edges allow; returns the scope with their outputs."""
        scope = dict(scope)
        left = {node["id"]: node for node in block["nodes"]}
        state: dict[int, bool] = {}
        into = {name: [i for i, edge in enumerate(block["edges"]) if edge["target"] == name] for name in left}
        while left:
            name = next(name for name in left if all(i in state for i in into[name]))
            node, incoming = left.pop(name), into[name]
            port = None
            if not incoming or any(state[i] for i in incoming):
                scope[name], port = self.node(node, scope, prefix + name)
            for i, edge in enumerate(block["edges"]):
                if edge["source"] == name:
                    state[i] = edge["port"] == port
        return scope

    def node(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        """What one node leaves behind, and its port."""
        strategy = node.get("on_error", {}).get("strategy", "fail")
        fine = {"is_success": True, "error_message": "", "error_code": ""}
        try:
            outputs, port = getattr(self, node["type"])(node, scope, path)
        except Failed as error:
            if strategy == "fail":
                raise
            self.partial = True
            outputs = {"is_success": False, "error_message": str(error), "error_code": "test"}
            default = {**node["on_error"].get("default", {}), **outputs}
            return (default, "out") if strategy == "default" else (outputs, "error")
        return (outputs if strategy == "fail" else {**outputs, **fine}), port

    def start(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        return {}, "out"

    def work(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        config = node["config"]
        if not 0 <= config["fails"] < node.get("retry", {"attempts": 1})["attempts"]:
            raise Failed("It failed.")
        self.effects.append(path)
        text = text_of([resolve(each, scope) for each in config["reads"]], node["id"])
        return {"text": text}, chosen(config["ports"], text)

    slow = work

    def ask(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        self.effects.append(path)
        return {"text": self.answers[path]["text"]}, "out"

    def iteration(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        config, found, errors = node["config"], [], []
        for index, item in enumerate(config["items"]):
            inner = {**scope, node["id"]: {"item": item, "index": index}}
            try:
                found.append(resolve(config["output"], self.block(node["body"], inner, f"{path}:{index}/")))
            except Failed as error:
                if config["round_error"] == "stop":
                    raise
                self.partial = True
                errors.append({"index": index, "message": str(error), "code": "test"})
                found += [None] if config["round_error"] == "continue" else []
        return {"output": found, "errors": errors}, "out"

    def loop(self, node: Mapping[str, Any], scope: Scope, path: str) -> Left:
        config, found = node["config"], []
        for index in range(config["count"]):
            inner = {**scope, node["id"]: {"index": index}}
            found.append(
                resolve(config["collect"]["all"], self.block(node["body"], inner, f"{path}:{index}/"))
            )
        return {"all": found, "rounds": len(found), "ended_by": "count", "errors": []}, "out"


def resolve(reference: str, scope: Scope) -> Any:
    root, name = reference.removeprefix("$.").split(".")
    return scope.get(root, {}).get(name)
