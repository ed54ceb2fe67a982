"""Our own names (`apps.tracing.attributes`), which precede all others."""

from apps.tracing import attributes as names
from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import observation_type
from apps.tracing.mapping.table import Convention, Field

CONVENTION = Convention(
    name="flywheel",
    fields=(
        Field("type", (names.OBSERVATION_TYPE,), observation_type),
        Field("input", (names.INPUT,), clean.document),
        Field("output", (names.OUTPUT,), clean.document),
        Field("cost", (names.COST,), clean.money),
        Field("ttft_ms", (names.TTFT_MS,), clean.milliseconds),
        Field("tags", (names.TAGS,), clean.labels),
        Field("trace_name", (names.TRACE_NAME,), clean.label),
        Field("source_type", (names.SOURCE_TYPE,), clean.label),
        Field("prompt_name", (names.PROMPT_NAME,), clean.label),
        Field("prompt_version", (names.PROMPT_VERSION,), clean.label),
        Field("source_id", (names.SOURCE_ID,), clean.label),
    ),
    prefixes={names.METADATA_PREFIX: "metadata"},
    # the workspace is decided by whoever received the span, never by what it says
    ignored=(names.WORKSPACE_ID,),
)
