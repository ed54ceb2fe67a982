"""What the loop needs from the world, as protocols."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.providers.wire import ChatRequest, StreamEvent, ToolSpec


class PortError(Exception):
    """An expected failure behind a port: `sentence` is for the person who asked, `code` for programs."""

    def __init__(self, sentence: str, code: str = "failed") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved chunk: its id, text, document's name (title) and place in the document (position)."""

    id: str
    text: str
    title: str
    document_id: str = ""
    score: float = 0.0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first, and sentences about how they were found."""

    passages: Sequence[Passage] = ()
    notices: Sequence[str] = ()


class ModelPort(Protocol):
    """A chat model."""

    def __call__(self, request: ChatRequest, /) -> AsyncIterator[StreamEvent]:
        """Stream one reply; its last event is `Completed`. Raises PortError."""


class RetrieverPort(Protocol):
    """The agent's knowledge."""

    def __call__(self, query: str, /) -> Awaitable[Retrieved]:
        """Find passages for a query. Raises PortError."""


class ToolPort(Protocol):
    """The agent's tools."""

    def specs(self) -> Sequence[ToolSpec]:
        """What the model may call."""

    def call(self, name: str, arguments: Mapping[str, Any], /) -> Awaitable[str]:
        """Run a tool and return what the model is shown. Raises PortError."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything `run` may reach. No retriever: the agent has no knowledge. clock: seconds, monotonic."""

    model: ModelPort
    retriever: RetrieverPort | None = None
    tools: ToolPort | None = None
    clock: Callable[[], float] = field(default=time.monotonic)
