"""Older versions of the language, brought forward one step at a time.

A version is migrated by functions from plain data to plain data, each registered for the version it reads. They change
a copy and may leave anything they don't know: what is wrong is said by the models of the current version.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from apps.workflows.dsl.document import VERSION
from apps.workflows.dsl.problems import DocumentError, Problem
from apps.workflows.dsl.sentences import _

Step = Callable[[dict[str, Any]], None]

_STEPS: dict[str, tuple[str, Step]] = {}


def step(source: str, target: str) -> Callable[[Step], Step]:
    """Register the function that brings a document of `source` to `target`, in place."""

    def register(function: Step) -> Step:
        if source in _STEPS:
            raise ValueError(f"There already is a migration of {source}.")
        _STEPS[source] = (target, function)
        return function

    return register


def versions() -> list[str]:
    """Every version that can be read, the current one last."""
    return [*_STEPS, VERSION]


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """The document in the current version; the same object when it is. Raises DocumentError for unknown versions."""
    version = data.get("version")
    if version == VERSION:
        return data
    data = copy.deepcopy(data)
    while version != VERSION:
        found = _STEPS.get(version) if isinstance(version, str) else None
        if found is None:
            raise DocumentError([_unknown(version)])
        version, function = found
        function(data)
        data["version"] = version
    return data


def _unknown(version: Any) -> Problem:
    if version is None:
        return Problem(
            "version_missing",
            "version",
            _("The document must begin with 'version: {version}'.", version=VERSION),
        )
    return Problem(
        "version_unknown",
        "version",
        _(
            "Version {version!r} can't be read; known are {known}.",
            version=version,
            known=", ".join(versions()),
        ),
        params={"version": str(version)},
    )


@step("flywheel/v0", "flywheel/v1")
def _from_v0(data: dict[str, Any]) -> None:
    """v0 had ``from`` and ``to`` on edges, ``settings`` on nodes, ``kind: chat``, and variables as one object each."""
    if data.get("kind") == "chat":
        data["kind"] = "chatflow"
    variables = data.get("variables")
    if isinstance(variables, dict):
        for name, key in (("environment", "value"), ("conversation", "default")):
            if isinstance(variables.get(name), dict):
                variables[name] = [{"name": n, key: value} for n, value in variables[name].items()]
    _graph_from_v0(data)


def _graph_from_v0(graph: dict[str, Any]) -> None:
    for edge in _objects(graph.get("edges")):
        _rename(edge, "from", "source")
        _rename(edge, "to", "target")
    for node in _objects(graph.get("nodes")):
        _rename(node, "settings", "config")
        if isinstance(node.get("body"), dict):
            _graph_from_v0(node["body"])


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _rename(data: dict[str, Any], old: str, new: str) -> None:
    if old in data and new not in data:
        data[new] = data.pop(old)
