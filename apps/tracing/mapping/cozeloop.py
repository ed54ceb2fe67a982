"""Spans of the cozeloop SDK, whose tags `interop` hands over as attributes of the same names."""

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.table import Convention, Field

#: Prefix that keeps the SDK's short tag names apart from everybody else's.
PREFIX = "cozeloop."

_TYPES = {
    "model": ObservationType.GENERATION,
    "prompt": ObservationType.CHAIN,
    "prompt_hub": ObservationType.SPAN,
    "tool": ObservationType.TOOL,
    "retriever": ObservationType.RETRIEVER,
    "agent": ObservationType.AGENT,
    "graph": ObservationType.CHAIN,
}


def _type(value: object) -> ObservationType | None:
    return _TYPES.get(str(value))


def _microseconds(value: object) -> float | None:
    amount = clean.milliseconds(value)
    return None if amount is None else amount / 1000


CONVENTION = Convention(
    name="cozeloop",
    fields=(
        Field("type", ("cozeloop.span_type",), _type),
        Field("input_value", ("cozeloop.input",), clean.document),
        Field("output_value", ("cozeloop.output",), clean.document),
        Field("model", ("cozeloop.model_name",), clean.label),
        Field("provider", ("cozeloop.model_provider",), clean.label),
        Field("input_tokens", ("cozeloop.input_tokens",), clean.tokens),
        Field("output_tokens", ("cozeloop.output_tokens",), clean.tokens),
        Field("cached_tokens", ("cozeloop.input_cached_tokens",), clean.tokens),
        Field("reasoning_tokens", ("cozeloop.reasoning_tokens",), clean.tokens),
        Field("ttft_ms", ("cozeloop.latency_first_resp",), _microseconds),
        Field("user_id", ("cozeloop.user_id",), clean.label),
        Field("session_id", ("cozeloop.thread_id",), clean.label),
        Field("prompt_name", ("cozeloop.prompt_key",), clean.label),
        Field("prompt_version", ("cozeloop.prompt_version",), clean.label),
        Field("parameters", ("cozeloop.call_options",), clean.settings),
    ),
    prefixes={PREFIX: "metadata"},
    ignored=("cozeloop.tokens",),
)
