"""OpenAI's interface, which most vendors and all local model servers offer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from apps.providers.drivers import pool
from apps.providers.drivers.base import TextKind
from apps.providers.targets import Target
from apps.providers.wire import (
    ChatRequest,
    OpenAIClient,
    RankedDocument,
    StreamEvent,
    Timeouts,
    Usage,
    WireError,
    embeddings,
    rerank,
)
from apps.providers.wire.quirks import Quirk, quirk_of

CONNECT_S = 10.0
TOTAL_FACTOR = 20  # a whole answer may take this many times the longest silence

# Learned by this process, per endpoint and model.
_quirks: dict[tuple[str, str], frozenset[Quirk]] = {}


class OpenAICompatibleDriver:
    """Speaks `apps.providers.wire` with the target's endpoint."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[OpenAIClient]:
        target = self._target
        silence = float(target.timeout_s)
        async with pool.session(allow_private=target.allow_private) as session:
            yield OpenAIClient(
                session,
                target.base_url,
                api_key=target.api_key,
                headers=target.headers,
                timeouts=Timeouts(min(CONNECT_S, silence), silence, silence, silence * TOTAL_FACTOR),
            )

    async def stream_chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """See `Driver`. A refused option is left out at once, and from then on."""
        place = (self._target.base_url, self._target.name)
        async with self._client() as client:
            while True:
                known = _quirks.get(place, frozenset())
                try:
                    async with aclosing(client.stream_chat(self._target.name, request, known)) as events:
                        async for event in events:
                            yield event
                except WireError as error:
                    quirk = quirk_of(error, known)
                    if quirk is None:
                        raise
                    _quirks[place] = known | {quirk}
                else:
                    return

    async def embed(self, texts: Sequence[str], kind: TextKind) -> tuple[list[list[float]], Usage]:
        """See `Driver`. Some models want a prefix that tells questions from passages."""
        abilities = self._target.abilities
        prefix = str(abilities.get(f"{kind}_prefix") or "")
        dimensions = self._target.dimensions if abilities.get("dimensions") else None
        vectors: list[list[float]] = []
        usage = Usage()
        async with self._client() as client:
            for batch in embeddings.batches([prefix + text for text in texts]):
                more, used = await client.embed(self._target.name, batch, dimensions)
                vectors += more
                usage += used
        return vectors, usage

    async def rerank(
        self, query: str, documents: Sequence[str], top_n: int
    ) -> tuple[list[RankedDocument], Usage]:
        """See `Driver`."""
        style: rerank.Style = "tei" if self._target.abilities.get("rerank_style") == "tei" else "jina"
        async with self._client() as client:
            return await client.rerank(self._target.name, query, documents, top_n, style)

    async def list_models(self) -> list[str]:
        """See `Driver`."""
        async with self._client() as client:
            return await client.list_models()
