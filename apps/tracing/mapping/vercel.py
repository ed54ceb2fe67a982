"""The AI SDK of Vercel: https://ai-sdk.dev/docs/ai-sdk-core/telemetry."""

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.table import Convention, Field

_OPERATIONS = {
    "ai.generateText.doGenerate": ObservationType.GENERATION,
    "ai.generateObject.doGenerate": ObservationType.GENERATION,
    "ai.streamText.doStream": ObservationType.GENERATION,
    "ai.streamObject.doStream": ObservationType.GENERATION,
    "ai.embed.doEmbed": ObservationType.EMBEDDING,
    "ai.embedMany.doEmbed": ObservationType.EMBEDDING,
    "ai.toolCall": ObservationType.TOOL,
    # the outer spans repeat the usage of the calls they wrap
    "ai.generateText": ObservationType.CHAIN,
    "ai.generateObject": ObservationType.CHAIN,
    "ai.streamText": ObservationType.CHAIN,
    "ai.streamObject": ObservationType.CHAIN,
}


def _operation(value: object) -> ObservationType | None:
    return _OPERATIONS.get(str(value).split(" ", 1)[0])


CONVENTION = Convention(
    name="vercel",
    fields=(
        Field("type", ("ai.operationId", "operation.name"), _operation),
        Field(
            "input_value",
            ("ai.prompt.messages", "ai.prompt", "ai.toolCall.args", "ai.value", "ai.values"),
            clean.document,
        ),
        Field(
            "output_value",
            (
                "ai.response.text",
                "ai.response.object",
                "ai.response.toolCalls",
                "ai.toolCall.result",
                "ai.result.text",
            ),
            clean.document,
        ),
        Field("model", ("ai.response.model", "ai.model.id"), clean.label),
        Field("provider", ("ai.model.provider",), clean.label),
        Field("input_tokens", ("ai.usage.inputTokens", "ai.usage.promptTokens"), clean.tokens),
        Field("output_tokens", ("ai.usage.outputTokens", "ai.usage.completionTokens"), clean.tokens),
        Field("cached_tokens", ("ai.usage.cachedInputTokens",), clean.tokens),
        Field("reasoning_tokens", ("ai.usage.reasoningTokens",), clean.tokens),
        Field("ttft_ms", ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"), clean.milliseconds),
        Field(
            "user_id", ("ai.telemetry.metadata.userId", "ai.telemetry.metadata.langfuse_user_id"), clean.label
        ),
        Field(
            "session_id",
            ("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.langfuse_session_id"),
            clean.label,
        ),
        Field("tags", ("ai.telemetry.metadata.tags", "ai.telemetry.metadata.langfuse_tags"), clean.labels),
        Field("trace_name", ("ai.telemetry.functionId",), clean.label),
    ),
    prefixes={"ai.telemetry.metadata.": "metadata"},
)
