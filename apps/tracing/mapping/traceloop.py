"""OpenLLMetry (Traceloop): its own names beside the older ones of OpenTelemetry.

https://github.com/traceloop/openllmetry
"""

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.table import Convention, Field

_KINDS = {
    "workflow": ObservationType.CHAIN,
    "task": ObservationType.SPAN,
    "agent": ObservationType.AGENT,
    "tool": ObservationType.TOOL,
}
_REQUESTS = {
    "chat": ObservationType.GENERATION,
    "completion": ObservationType.GENERATION,
    "embedding": ObservationType.EMBEDDING,
    "rerank": ObservationType.RERANKER,
}


def _kind(value: object) -> ObservationType | None:
    return _KINDS.get(str(value))


def _request(value: object) -> ObservationType | None:
    return _REQUESTS.get(str(value))


CONVENTION = Convention(
    name="traceloop",
    fields=(
        Field("type", ("traceloop.span.kind",), _kind),
        Field("type", ("llm.request.type",), _request),
        Field("input_value", ("traceloop.entity.input",), clean.document),
        Field("output_value", ("traceloop.entity.output",), clean.document),
        Field("trace_name", ("traceloop.workflow.name",), clean.label),
        Field("user_id", ("traceloop.association.properties.user_id",), clean.label),
        Field(
            "session_id",
            ("traceloop.association.properties.session_id", "traceloop.association.properties.chat_id"),
            clean.label,
        ),
        Field("prompt_name", ("traceloop.prompt.key",), clean.label),
        Field("prompt_version", ("traceloop.prompt.version",), clean.label),
    ),
    prefixes={"traceloop.association.properties.": "metadata"},
    ignored=("llm.usage.total_tokens", "gen_ai.usage.total_tokens"),
)
