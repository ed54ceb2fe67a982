"""Models of the workspace, called through the gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.providers import gateway
from apps.providers.exceptions import ModelError
from apps.providers.models import Model, ModelSlot
from apps.providers.models.provider import ProviderKind
from apps.providers.wire import ChatRequest, StreamEvent, Usage
from apps.workflows.adapters.database import in_thread
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import ModelInfo

_RETRYABLE = frozenset({"model_unavailable", "model_timeout", "model_rate_limited"})
_SLOT_WORDS = {
    ModelSlot.CHAT: "chat model",
    ModelSlot.EMBEDDING: "embedding model",
    ModelSlot.RERANK: "rerank model",
}


class GatewayModels:
    """Finds models once per run and calls them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: dict[tuple[str, str], Model] = {}

    async def describe(self, model: str) -> ModelInfo:
        """See `ModelPort`."""
        found = await self._find(model, ModelSlot.CHAT)
        extractive = found.provider.kind == ProviderKind.LOCAL
        abilities = found.abilities if isinstance(found.abilities, dict) else {}
        return ModelInfo(str(found), found.context_window or 0, abilities, extractive)

    async def stream_chat(
        self, model: str, request: ChatRequest, *, fallback: str = "", timeout_s: float | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort`. The fallback is asked when the model fails before it has said anything."""
        chosen = await self._find(model, ModelSlot.CHAT)
        said = False
        try:
            async with aclosing(gateway.stream_chat(model=chosen, request=request)) as events:
                async for event in events:
                    said = True
                    yield event
                return
        except ModelError as error:
            if said or not fallback:
                raise model_failed(error) from error
        second = await self._find(fallback, ModelSlot.CHAT)
        try:
            async with aclosing(gateway.stream_chat(model=second, request=request)) as events:
                async for event in events:
                    yield event
        except ModelError as error:
            raise model_failed(error) from error

    async def embed(self, texts: Sequence[str], *, model: str = "") -> list[list[float]]:
        """See `ModelPort`."""
        chosen = await self._find(model, ModelSlot.EMBEDDING)
        try:
            return (await gateway.embed(model=chosen, texts=texts, kind="query")).vectors
        except ModelError as error:
            raise model_failed(error) from error

    async def cost(self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> str:
        """See `ModelPort`; "0" when nobody knows the price."""
        chosen = await self._find(model, ModelSlot.CHAT)
        usage = Usage(input_tokens, output_tokens, cached_tokens)
        try:
            priced = await gateway.price(model=chosen, usage=usage)
        except ModelError as error:
            raise model_failed(error) from error
        return "0" if priced.cost is None else format(priced.cost, "f")

    async def _find(self, name: str, slot: ModelSlot) -> Model:
        key = (name, str(slot))
        if key not in self._found:
            self._found[key] = await in_thread(find_model, self._workspace, name, slot)
        return self._found[key]


def find_model(workspace: Workspace, name: str, slot: ModelSlot) -> Model:
    """A usable model by id, ``provider/name``, name or title; "" is the default. Raises NodeError."""
    models = Model.objects.for_slot(workspace, slot).select_related("provider__workspace", "workspace")
    word = _SLOT_WORDS[slot]
    if not name:
        found = models.first()
        if found is None:
            raise NodeError(f"The workspace has no {word}. Add one under Settings → Models.", code="no_model")
        return found
    found = models.filter(_named(name)).first()
    if found is None:
        raise NodeError(
            f"There is no {word} “{name[:80]}” in use in this workspace.",
            code="no_model",
            details={"model": name},
        )
    return found


def _named(name: str) -> Q:
    if is_uuid(name):
        return Q(pk=UUID(name))
    condition = Q(name=name) | Q(title=name)
    provider, slash, rest = name.partition("/")
    if slash:
        # names of models hold slashes too, as in meta-llama/Llama-3
        condition |= Q(provider__name=provider, name=rest) | Q(provider__name=provider, title=rest)
    return condition


def model_failed(error: ModelError) -> NodeError:
    """A model's failure as a node's; the reason is the wire's."""
    details: dict[str, Any] = {name: value for name, value in error.extra.items() if name == "reason"}
    return NodeError(str(error.detail), code=error.code, retryable=error.code in _RETRYABLE, details=details)
