"""The runtime's ports, on the gateway and on knowledge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from apps.agents.runtime import Passage, PortError, Ports, Retrieved
from apps.agents.services.model_call import version_attributes
from apps.agents.services.turn import RunInput
from apps.core.exceptions import FlywheelError
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.retrieval import RetrievalSettings, retrieve
from apps.providers import gateway
from apps.providers.models import Model
from apps.providers.wire import ChatRequest, StreamEvent


def ports_of(run: RunInput) -> Ports:
    """What the run of an agent may reach."""
    retriever = KnowledgePort(run.bases, run.agent.retrieval) if run.bases else None
    return Ports(model=GatewayPort(run.model, version_attributes(run.prompt_version)), retriever=retriever)


class GatewayPort:
    """A model of the catalogue, called through the gateway."""

    def __init__(self, model: Model, noted: Mapping[str, Any] | None = None) -> None:
        self._model = model
        self._noted = noted

    async def __call__(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        """Stream one reply."""
        try:
            async with aclosing(
                gateway.stream_chat(model=self._model, request=request, noted=self._noted)
            ) as events:
                async for event in events:
                    yield event
        except FlywheelError as error:
            raise PortError(str(error.detail), error.code) from error


class KnowledgePort:
    """The agent's knowledge bases."""

    def __init__(self, bases: Sequence[KnowledgeBase], settings: dict[str, Any]) -> None:
        self._bases = bases
        self._settings = settings

    async def __call__(self, query: str) -> Retrieved:
        """Find passages."""
        settings = RetrievalSettings(**self._settings) if self._settings else None
        try:
            found = await retrieve(bases=self._bases, query=query, settings=settings)
        except FlywheelError as error:
            raise PortError(str(error.detail), error.code) from error
        return Retrieved(
            passages=[
                Passage(
                    id=str(hit.chunk_id),
                    text=hit.text,
                    title=hit.document_name,
                    document_id=str(hit.document_id),
                    score=round(hit.score, 4),
                    position=hit.position,
                )
                for hit in found.hits
            ],
            notices=[str(notice) for notice in found.notices],
        )
