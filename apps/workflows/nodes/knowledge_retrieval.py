"""Passages of knowledge bases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.agents.runtime.prompt import numbered
from apps.knowledge.settings import MetadataOperator
from apps.providers.wire import ChatMessage
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import prompts, structured
from apps.workflows.nodes.support.chat import USAGE_SCHEMA, add_usage, ask, models_of, request_of
from apps.workflows.nodes.support.knowledge import BaseRef
from apps.workflows.nodes.support.models import ChatConfig, Memory, OptionalModelRef
from apps.workflows.nodes.support.ports import need

_FILTER_INSTRUCTIONS: Final = (
    "From the user's question, derive conditions on the metadata of documents. The fields and some of their values:\n"
    "{fields}\nUse a field only when the question plainly asks for it; no condition is the usual answer. "
    'Answer with one JSON object and nothing else: {{"conditions": [{{"name": "<field>", "op": "<operator>", '
    '"value": "<value>"}}]}}. Operators: {operators}.'
)
_REWRITE_INSTRUCTIONS: Final = (
    "Rewrite the user's last message as one search query that can be understood without the conversation. Keep its "
    "language, names and numbers. Answer with the query and nothing else."
)
_CHOOSE_INSTRUCTIONS: Final = (
    "Choose the one knowledge base that is most likely to answer the user's question:\n{bases}\n"
    'Answer with one JSON object and nothing else: {{"base": "<name>"}}.'
)
_MODEL_OPERATORS: Final = get_args(MetadataOperator)


class Condition(NodeConfig):
    """A condition on a field of the documents' metadata."""

    name: str = Field(min_length=1, max_length=120, title=_("Field"))
    op: MetadataOperator = Field("=", title=_("Operator"))
    value: DynamicAny = Field(None, title=_("Value"))


class MetadataFilterConfig(NodeConfig):
    """Which documents are searched."""

    mode: Literal["manual", "automatic"] = Field(
        "manual",
        title=_("How"),
        description=_("automatic has a model derive the conditions from the question."),
    )
    match: Literal["all", "any"] = Field("all", title=_("Must hold"))
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=50,
        title=_("Conditions"),
        description=_("A condition whose value is empty is left out."),
    )


class Rerank(NodeConfig):
    """A second look at the best passages."""

    model: DynamicText = Field(
        title=_("Rerank model"), json_schema_extra={"x-widget": "model", "x-slot": "rerank"}
    )
    candidates: int = Field(30, ge=1, le=100, title=_("Passages looked at"))


class KnowledgeRetrievalConfig(ChatConfig):
    """Where is searched for what, and how. The model is needed only where one is asked to think."""

    model: OptionalModelRef = Field(
        "",
        title=_("Model"),
        description=_("For rewriting, automatic filters and choosing a base. Empty: the default chat model."),
        json_schema_extra={"x-widget": "model", "x-slot": "chat"},
    )
    query: DynamicText = Field(title=_("Query"), json_schema_extra={"x-widget": "reference"})
    bases: list[BaseRef] = Field(
        min_length=1,
        max_length=20,
        title=_("Knowledge bases"),
        description=_("Ids or names."),
        json_schema_extra={"x-widget": "bases"},
    )
    choose: Literal["all", "one"] = Field(
        "all",
        title=_("Search"),
        description=_("all bases at once, or the one that a model chooses for the question."),
        json_schema_extra={"x-advanced": True},
    )
    mode: Literal["base", "hybrid", "vector", "full_text"] = Field(
        "base", title=_("Mode"), description=_("base: as set for the first knowledge base.")
    )
    top_k: int | None = Field(
        None, ge=1, le=50, title=_("Passages"), description=_("Empty: as set for the first base.")
    )
    score_threshold: float | None = Field(None, ge=0, le=1, title=_("Least score"))
    fusion: Literal["convex", "reciprocal_rank"] | None = Field(
        None,
        title=_("Fusion"),
        description=_("How hybrid search puts both lists together."),
        json_schema_extra={"x-advanced": True},
    )
    vector_weight: float | None = Field(
        None,
        ge=0,
        le=1,
        title=_("Weight of meaning"),
        description=_("Of hybrid search: 0 words only, 1 meaning only."),
        json_schema_extra={"x-advanced": True},
    )
    rerank: Rerank | None = Field(None, title=_("Reranking"))
    filter: MetadataFilterConfig | None = Field(None, title=_("Metadata filter"))
    rewrite: bool = Field(
        False,
        title=_("Rewrite the query"),
        description=_("A model makes the query understandable without the conversation."),
    )
    memory: Memory | None = Field(
        None, title=_("Memory"), description=_("What rewriting, filtering and choosing may know of.")
    )
    required: bool = Field(
        False,
        title=_("Fail when nothing is found"),
        json_schema_extra={"x-advanced": True},
    )


class KnowledgeRetrievalNode(Node[KnowledgeRetrievalConfig]):
    """Finds passages."""

    type = "knowledge_retrieval"
    title = _("Knowledge retrieval")
    description = _("Finds passages of one or several knowledge bases, with scores and where they come from.")
    group = "knowledge"
    icon = "travel_explore"
    Config = KnowledgeRetrievalConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The passages, in the forms in which they are used."""
        return {
            "result": Output("array[object]", _("Passages, best first: content, title, score, metadata")),
            "text": Output("string", _("The passages as one numbered text, for prompts")),
            "count": Output("integer", _("How many")),
            "query": Output("string", _("What was searched for")),
            "filter": Output("object", _("The metadata conditions that were used")),
            "usage": Output("object", _("Tokens and cost of the model's help"), USAGE_SCHEMA),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Filters that filter nothing."""
        wanted = config.filter
        if wanted is not None and wanted.mode == "manual" and not wanted.conditions:
            yield "filter.conditions", Sentence(_("A manual filter needs conditions."))

    async def run(self, ctx: NodeContext, config: KnowledgeRetrievalConfig) -> Result:
        """Search. Raises NodeError; nothing_found only where `required` asks for it."""
        port = need(ctx.ports.knowledge, "Knowledge bases")
        helper = _Helper(ctx, config)
        query = config.query.strip()
        if not query:
            return _result([], query, {}, {})
        if config.rewrite:
            query = await helper.rewritten(query)
        bases = [base for base in config.bases if base.strip()]
        if config.choose == "one" and len(bases) > 1:
            bases = [await helper.chosen(query, bases)]
        wanted = await self._filter(ctx, config, helper, query, bases)
        found = await port.retrieve(bases, query, {**_settings(config), "filter": wanted or None})
        if config.required and not found:
            raise NodeError("Nothing was found in the knowledge.", code="nothing_found")
        return _result(found, query, wanted, helper.usage)

    async def _filter(
        self,
        ctx: NodeContext,
        config: KnowledgeRetrievalConfig,
        helper: _Helper,
        query: str,
        bases: list[str],
    ) -> dict[str, Any]:
        wanted = config.filter
        if wanted is None:
            return {}
        if wanted.mode == "automatic":
            fields = await need(ctx.ports.knowledge, "Knowledge bases").fields(bases)
            conditions = await helper.conditions(query, fields) if fields else []
        else:
            conditions = [
                {"name": each.name, "op": each.op, "value": each.value}
                for each in wanted.conditions
                if each.op in ("empty", "not empty") or each.value not in (None, "", [])
            ]
        return {"match": wanted.match, "conditions": conditions} if conditions else {}


class _Helper:
    """A chat model that thinks about the query, and what that took."""

    def __init__(self, ctx: NodeContext, config: KnowledgeRetrievalConfig) -> None:
        self._ctx = ctx
        self._config = config
        self.usage: dict[str, Any] = {}

    async def rewritten(self, query: str) -> str:
        """The query so that it stands alone."""
        text = (await self._ask(_REWRITE_INSTRUCTIONS, query)).strip().strip('"')
        return text[:2_000] or query

    async def chosen(self, query: str, bases: list[str]) -> str:
        """The base that fits the question; the first when the model names none."""
        listed = "\n".join(f"- {base}" for base in bases)
        answer = await self._ask(_CHOOSE_INSTRUCTIONS.format(bases=listed), query)
        value, _wrong = structured.read(answer, {})
        named = str(value.get("base") if isinstance(value, dict) else answer).strip().lower()
        return next((base for base in bases if base.lower() == named), bases[0])

    async def conditions(self, query: str, fields: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        """Conditions that the question asks for; what names no field or operator is left out."""
        listed = "\n".join(f"- {name}: {', '.join(values[:10])}" for name, values in fields.items())
        text = _FILTER_INSTRUCTIONS.format(fields=listed, operators=", ".join(_MODEL_OPERATORS))
        value, _wrong = structured.read(await self._ask(text, query), {})
        raw = value.get("conditions") if isinstance(value, dict) else None
        return [
            {"name": str(each["name"]), "op": str(each.get("op") or "="), "value": each.get("value")}
            for each in (raw if isinstance(raw, list) else [])
            if isinstance(each, dict)
            and each.get("name") in fields
            and (each.get("op") or "=") in _MODEL_OPERATORS
        ]

    async def _ask(self, instructions: str, query: str) -> str:
        ctx, config = self._ctx, self._config
        info = await models_of(ctx).describe(config.model)
        if info.extractive:
            raise NodeError(
                f"“{info.name}” only quotes from passages and can't think about a query. Choose a language model.",
                code="model_unsuitable",
            )
        turns = await prompts.history_of(ctx, config.memory)
        messages = [ChatMessage("system", instructions), ChatMessage("user", query)]
        messages = prompts.with_history(messages, turns, context_window=info.context_window)
        reply = await ask(ctx, config, request_of(config, messages))
        self.usage = add_usage(self.usage, reply.usage) if self.usage else reply.usage
        return reply.text


def _settings(config: KnowledgeRetrievalConfig) -> dict[str, Any]:
    """What is set here; the rest is as the first base has it."""
    settings: dict[str, Any] = {
        "mode": None if config.mode == "base" else config.mode,
        "top_k": config.top_k,
        "score_threshold": config.score_threshold,
        "fusion": config.fusion,
        "alpha": config.vector_weight,
    }
    found = {name: value for name, value in settings.items() if value is not None}
    if config.rerank is not None:
        found |= {"rerank_model": config.rerank.model, "rerank_candidates": config.rerank.candidates}
    return found


def _result(found: list[dict[str, Any]], query: str, wanted: dict[str, Any], usage: dict[str, Any]) -> Result:
    return Result(
        {
            "result": found,
            "text": numbered(prompts.passages_of(found)) if found else "",
            "count": len(found),
            "query": query,
            "filter": wanted,
            "usage": usage,
        }
    )
