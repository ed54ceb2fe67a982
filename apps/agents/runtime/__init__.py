"""The agent's answer loop in plain Python: no Django, no database, no network of its own.

`run(spec, history, question, ports)` yields typed events; what it needs from outside comes through the
protocols in `ports`. Whoever calls it persists the events and sends them on.
"""

from apps.agents.runtime.citations import Citation, cited, strip_marks
from apps.agents.runtime.events import (
    Event,
    Finished,
    RetrievalFinished,
    RetrievalStarted,
    ToolFinished,
    ToolStarted,
)
from apps.agents.runtime.loop import run
from apps.agents.runtime.ports import Passage, PortError, Ports, Retrieved
from apps.agents.runtime.spec import AgentSpec, Turn

__all__ = [
    "AgentSpec",
    "Citation",
    "Event",
    "Finished",
    "Passage",
    "PortError",
    "Ports",
    "RetrievalFinished",
    "RetrievalStarted",
    "Retrieved",
    "ToolFinished",
    "ToolStarted",
    "Turn",
    "cited",
    "run",
    "strip_marks",
]
