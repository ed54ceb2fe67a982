"""The workflow engine: plain Python, no Django. See ``docs/concepts/workflow-engine.md``.

`compile` makes a graph of a validated document; a `Run` executes it and tells events; `RunState` goes on where a run
broke off, or repeats a part of one.
"""

from __future__ import annotations

from apps.workflows.engine.compile import compile  # noqa: A004 - the verb of the engine's interface
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.errors import LimitExceeded, NodeError, UnknownWait
from apps.workflows.engine.events import LIVE, TERMINAL, Event
from apps.workflows.engine.graph import Graph
from apps.workflows.engine.hooks import Journal, Observer
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result, Wait
from apps.workflows.engine.ports import Ports
from apps.workflows.engine.run import Run
from apps.workflows.engine.state import RunState

__all__ = [
    "LIVE",
    "TERMINAL",
    "Event",
    "Graph",
    "Journal",
    "LimitExceeded",
    "Node",
    "NodeConfig",
    "NodeContext",
    "NodeError",
    "Observer",
    "Ports",
    "Result",
    "Rounds",
    "Run",
    "RunState",
    "UnknownWait",
    "Wait",
    "compile",
]
