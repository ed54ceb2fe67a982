"""What happens during an answer. Text and reasoning come as the gateway's own deltas, untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.agents.runtime.citations import Citation
from apps.agents.runtime.ports import Passage
from apps.providers.wire import ReasoningDelta, TextDelta, Usage


@dataclass(frozen=True, slots=True)
class RetrievalStarted:
    """The knowledge is searched with `query` (the question, with earlier turns when it leans on them)."""

    query: str


@dataclass(frozen=True, slots=True)
class RetrievalFinished:
    """Passages found, numbered from 1 in this order in the prompt."""

    passages: Sequence[Passage]
    notices: Sequence[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The model called a tool; `arguments` is the JSON text it wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """What the tool gave back to the model; `failed` when that is an error."""

    id: str
    name: str
    output: str
    failed: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete. `usage` sums all model calls; times are seconds since the start of the run."""

    text: str
    citations: Sequence[Citation]
    usage: Usage
    finish_reason: str
    model: str
    seconds: float
    seconds_to_first_token: float | None
    steps: int


Event = (
    RetrievalStarted | RetrievalFinished | TextDelta | ReasoningDelta | ToolStarted | ToolFinished | Finished
)
