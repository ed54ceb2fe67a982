"""OpenInference's semantic conventions (Phoenix, Arize).

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.flatten import items, nest
from apps.tracing.mapping.messages import messages
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.table import Convention, Field

_KINDS = {
    "LLM": ObservationType.GENERATION,
    "CHAIN": ObservationType.CHAIN,
    "RETRIEVER": ObservationType.RETRIEVER,
    "EMBEDDING": ObservationType.EMBEDDING,
    "AGENT": ObservationType.AGENT,
    "TOOL": ObservationType.TOOL,
    "GUARDRAIL": ObservationType.GUARDRAIL,
    "EVALUATOR": ObservationType.EVALUATOR,
    "RERANKER": ObservationType.RERANKER,
    "PROMPT": ObservationType.CHAIN,
    "DECISION": ObservationType.CHAIN,
}


def _kind(value: object) -> ObservationType | None:
    return _KINDS.get(str(value).upper())


def _finish(values: dict[str, Any], rest: dict[str, object]) -> None:
    if flat := values.pop("_oi_input", None):
        values.setdefault("input_messages", messages(flat))
    if flat := values.pop("_oi_output", None):
        values.setdefault("output_messages", messages(flat))
    for group in ("_oi_documents", "_oi_ranked"):
        if flat := values.pop(group, None):
            values.setdefault("documents", [_document(entry) for entry in items(nest(flat))])
    if flat := values.pop("_oi_embeddings", None):
        texts = [
            entry.get("embedding", entry).get("text")
            for entry in items(nest(flat))
            if isinstance(entry, dict)
        ]
        values.setdefault("input_messages", [text for text in texts if text is not None] or None)
    if flat := values.pop("_oi_tools", None):
        rest["llm.tools"] = clean.json_value([_tool(entry) for entry in items(nest(flat))])


def _document(entry: object) -> object:
    document = entry.get("document", entry) if isinstance(entry, dict) else entry
    if isinstance(document, dict) and isinstance(document.get("metadata"), str):
        document["metadata"] = clean.load(document["metadata"]) or document["metadata"]
    return document


def _tool(entry: object) -> object:
    tool = entry.get("tool", entry) if isinstance(entry, dict) else entry
    schema = tool.get("json_schema") if isinstance(tool, dict) else None
    return (clean.load(schema) if isinstance(schema, str) else schema) or tool


CONVENTION = Convention(
    name="openinference",
    fields=(
        Field("type", ("openinference.span.kind",), _kind),
        Field("input_value", ("input.value",), clean.document),
        Field("output_value", ("output.value",), clean.document),
        Field(
            "model",
            (
                "llm.response.model_name",
                "llm.model_name",
                "llm.request.model_name",
                "embedding.model_name",
                "reranker.model_name",
            ),
            clean.label,
        ),
        Field("provider", ("llm.provider", "llm.system"), clean.label),
        Field("input_tokens", ("llm.token_count.prompt",), clean.tokens),
        Field("output_tokens", ("llm.token_count.completion",), clean.tokens),
        Field("cached_tokens", ("llm.token_count.prompt_details.cache_read",), clean.tokens),
        Field("cache_creation_tokens", ("llm.token_count.prompt_details.cache_write",), clean.tokens),
        Field("reasoning_tokens", ("llm.token_count.completion_details.reasoning",), clean.tokens),
        Field("cost", ("llm.cost.total",), clean.money),
        Field("metadata_json", ("metadata",), clean.settings),
        Field("tags", ("tag.tags",), clean.labels),
        Field("parameters", ("llm.invocation_parameters", "embedding.invocation_parameters"), clean.settings),
        Field("prompt_version", ("llm.prompt_template.version",), clean.label),
        Field("prompt_name", ("prompt.id",), clean.label),
    ),
    groups={
        "llm.input_messages.": "_oi_input",
        "llm.output_messages.": "_oi_output",
        "retrieval.documents.": "_oi_documents",
        "reranker.output_documents.": "_oi_ranked",
        "embedding.embeddings.": "_oi_embeddings",
        "llm.tools.": "_oi_tools",
    },
    # what says how to read a value that is kept as text anyway, and a sum of two that are kept
    ignored=("input.mime_type", "output.mime_type", "llm.token_count.total"),
    finish=_finish,
)
