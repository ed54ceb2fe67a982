"""What Langfuse's SDKs write on their spans (wire names of the lines 3, 4 and 5)."""

from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import observation_type
from apps.tracing.mapping.table import Convention, Field

_LEVELS = {
    "TRACE": "debug", "VERBOSE": "debug", "DEBUG": "debug", "INFO": "default", "LOG": "default", "NOTICE": "default",
    "OK": "default", "SUCCESS": "default", "DEFAULT": "default", "WARN": "warning", "WARNING": "warning",
    "ERROR": "error", "FATAL": "error", "CRITICAL": "error",
}  # fmt: skip


def _level(value: object) -> str | None:
    return _LEVELS.get(str(value).upper())


def _moment(value: object) -> str | None:
    """A time as ISO text; some SDKs encode it as JSON, quotes and all."""
    return value.strip('"') if isinstance(value, str) and value else None


def _finish(values: dict[str, Any], _rest: dict[str, object]) -> None:
    values.setdefault("input_value", values.pop("_trace_input", None))
    values.setdefault("output_value", values.pop("_trace_output", None))
    if (costs := values.pop("cost_details", None)) and "cost" not in values:
        parts = [
            amount
            for name, value in costs.items()
            if name != "total" and (amount := clean.money(value)) is not None
        ]
        total = clean.money(costs.get("total"))
        if total is not None or parts:
            values["cost"] = sum(parts) if total is None else total


CONVENTION = Convention(
    name="langfuse",
    fields=(
        Field("type", ("langfuse.observation.type",), observation_type),
        Field("level", ("langfuse.observation.level",), _level),
        Field("status_message", ("langfuse.observation.status_message",), clean.document),
        Field("input", ("langfuse.observation.input",), clean.document),
        Field("output", ("langfuse.observation.output",), clean.document),
        Field("_trace_input", ("langfuse.trace.input",), clean.document),
        Field("_trace_output", ("langfuse.trace.output",), clean.document),
        Field("model", ("langfuse.observation.model.name",), clean.label),
        Field("parameters", ("langfuse.observation.model.parameters",), clean.settings),
        Field("usage_details", ("langfuse.observation.usage_details",), clean.mapping),
        Field("cost_details", ("langfuse.observation.cost_details",), clean.mapping),
        Field("completion_start", ("langfuse.observation.completion_start_time",), _moment),
        Field("prompt_name", ("langfuse.observation.prompt.name", "langfuse.prompt.name"), clean.label),
        Field(
            "prompt_version", ("langfuse.observation.prompt.version", "langfuse.prompt.version"), clean.label
        ),
        Field("trace_name", ("langfuse.trace.name",), clean.label),
        Field("session_id", ("langfuse.session.id",), clean.label),
        Field("user_id", ("langfuse.user.id",), clean.label),
        Field("tags", ("langfuse.trace.tags", "langfuse.tags"), clean.labels),
        Field("environment", ("langfuse.environment",), clean.label),
        Field("release", ("langfuse.release",), clean.label),
        Field("version", ("langfuse.version",), clean.label),
        Field(
            "metadata_json",
            ("langfuse.observation.metadata", "langfuse.trace.metadata", "langfuse.metadata"),
            clean.mapping,
        ),
    ),
    prefixes={
        "langfuse.observation.metadata.": "metadata",
        "langfuse.trace.metadata.": "metadata",
        "langfuse.metadata.": "metadata",
    },
    finish=_finish,
)
