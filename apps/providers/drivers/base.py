"""What a driver does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from apps.providers.wire import ChatRequest, RankedDocument, StreamEvent, Usage

TextKind = Literal["document", "query"]


class Driver(Protocol):
    """One model at one endpoint. Every method raises `wire.WireError` for whatever goes wrong."""

    def stream_chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yields deltas, then one `Completed`; closing the generator ends the call at once."""
        ...

    async def embed(self, texts: Sequence[str], kind: TextKind) -> tuple[list[list[float]], Usage]:
        """(one vector per text, usage)."""
        ...

    async def rerank(
        self, query: str, documents: Sequence[str], top_n: int
    ) -> tuple[list[RankedDocument], Usage]:
        """(best first, usage)."""
        ...

    async def list_models(self) -> list[str]:
        """The names of the models the endpoint offers."""
        ...
