"""OpenTelemetry's semantic conventions for generative AI in their three generations.

Messages as JSON attributes (today), as span events (`events.py`), and as indexed attributes such as
``gen_ai.prompt.0.content`` (the first instrumentations). https://github.com/open-telemetry/semantic-conventions-genai
"""

from typing import Any

from apps.tracing import attributes as names
from apps.tracing.mapping import clean
from apps.tracing.mapping.messages import messages
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.table import Convention, Field

_OPERATIONS = {
    "chat": ObservationType.GENERATION,
    "completion": ObservationType.GENERATION,
    "text_completion": ObservationType.GENERATION,
    "generate_content": ObservationType.GENERATION,
    "generate": ObservationType.GENERATION,
    "embeddings": ObservationType.EMBEDDING,
    "invoke_agent": ObservationType.AGENT,
    "create_agent": ObservationType.AGENT,
    "execute_tool": ObservationType.TOOL,
    "retrieval": ObservationType.RETRIEVER,
    "invoke_workflow": ObservationType.CHAIN,
}


def _operation(value: object) -> ObservationType | None:
    return _OPERATIONS.get(str(value))


def _tool(value: object) -> ObservationType | None:
    return ObservationType.TOOL if value else None


def _generation(value: object) -> ObservationType | None:
    return ObservationType.GENERATION if value else None


def _seconds(value: object) -> float | None:
    seconds = clean.milliseconds(value)
    return None if seconds is None else seconds * 1000


def _finish(values: dict[str, Any], _rest: dict[str, object]) -> None:
    if flat := values.pop("_prompt", None):
        values.setdefault("input_messages", messages(flat))
    if flat := values.pop("_completion", None):
        values.setdefault("output_messages", messages(flat))
    _join_instructions(values)


def _join_instructions(values: dict[str, Any]) -> None:
    """The system instructions are a message like the others: put it first."""
    instructions = values.pop("system_instructions", None)
    if instructions is None:
        return
    given = clean.load(values.get("input") or "")
    if not isinstance(given, list):
        return
    parts = clean.load(instructions)
    if parts is None:
        parts = [{"type": "text", "content": instructions}]
    values["input"] = clean.dump([{"role": "system", "parts": parts}, *given])


CONVENTION = Convention(
    name="gen_ai",
    fields=(
        Field("type", (names.OPERATION,), _operation),
        Field("type", ("gen_ai.tool.call.id", "gen_ai.tool.name"), _tool),
        Field("type", (names.RESPONSE_MODEL, names.MODEL), _generation),
        Field(
            "input",
            ("gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text"),
            clean.document,
        ),
        Field(
            "output",
            ("gen_ai.output.messages", "gen_ai.tool.call.result", "gen_ai.retrieval.documents"),
            clean.document,
        ),
        Field("system_instructions", ("gen_ai.system_instructions",), clean.document),
        Field("model", (names.RESPONSE_MODEL, names.MODEL), clean.label),
        Field("provider", (names.PROVIDER, "gen_ai.system"), clean.label),
        Field(
            "input_tokens",
            (names.INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "gen_ai.usage.prompt"),
            clean.tokens,
        ),
        Field(
            "output_tokens",
            (names.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "gen_ai.usage.completion"),
            clean.tokens,
        ),
        Field(
            "cached_tokens",
            (
                names.CACHED_TOKENS,
                "gen_ai.usage.cache_read_input_tokens",
                "gen_ai.usage.cache_read_tokens",
                "gen_ai.usage.input_cached_tokens",
                "gen_ai.usage.details.cache_read_tokens",
                "gen_ai.usage.details.cache_read_input_tokens",
                "gen_ai.usage.prompt_details.cache_read",
            ),
            clean.tokens,
        ),
        Field(
            "cache_creation_tokens",
            (
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "gen_ai.usage.cache_write_tokens",
                "gen_ai.usage.details.cache_write_tokens",
                "gen_ai.usage.details.cache_creation_input_tokens",
            ),
            clean.tokens,
        ),
        Field(
            "reasoning_tokens",
            (
                names.REASONING_TOKENS,
                "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.completion_details.reasoning",
            ),
            clean.tokens,
        ),
        Field("cost", ("gen_ai.usage.cost",), clean.money),
        Field("ttft_ms", ("gen_ai.response.time_to_first_chunk",), _seconds),
        Field("session_id", (names.SESSION_ID, "gen_ai.conversation.id"), clean.label),
        Field("user_id", (names.USER_ID, "enduser.id"), clean.label),
        Field("environment", (names.ENVIRONMENT, "deployment.environment"), clean.label),
        Field("version", ("service.version",), clean.label),
        Field("prompt_name", ("gen_ai.prompt.name",), clean.label),
    ),
    groups={"gen_ai.prompt.": "_prompt", "gen_ai.completion.": "_completion"},
    finish=_finish,
)
