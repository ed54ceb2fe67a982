"""All node types by name: ours, and those of installed packages (entry point group `flywheel.nodes`)."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from apps.workflows import nodes
from apps.workflows.engine.node import Node

logger = logging.getLogger(__name__)

GROUP = "flywheel.nodes"


@cache
def catalogue() -> dict[str, type[Node[Any]]]:
    """Every node type, by its `type`; ours win over a package's of the same name."""
    found: dict[str, type[Node[Any]]] = {}
    for entry in entry_points(group=GROUP):
        try:
            _add(found, entry.load())
        except Exception:
            # a broken package must not take the product down; its types are missing and the log says why
            logger.exception("The node types of the package %s could not be loaded.", entry.value)
    for module in pkgutil.iter_modules(nodes.__path__):
        if module.name != "registry":
            for value in vars(importlib.import_module(f"{nodes.__name__}.{module.name}")).values():
                _add(found, value)
    return found


def _add(found: dict[str, type[Node[Any]]], value: Any) -> None:
    if isinstance(value, type) and issubclass(value, Node) and "type" in vars(value):
        found[value.type] = value
