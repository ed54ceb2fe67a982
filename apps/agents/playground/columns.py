"""A column of the playground as its page holds it: what people edit, texts of JSON as they are typed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from apps.agents.playground.messages import Message
from apps.agents.playground.parameters import Settings, prepared
from apps.agents.playground.stored import StoredAnswer

#: Parameters that are single values; `stop` and `extra` are edited as text.
PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
)
_FORMAT_NAME = "answer"


def column_of(
    messages: Sequence[Message],
    settings: Settings,
    *,
    model: str = "",
    prompt: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A column that asks what `messages` and `settings` say.

    model: an id. prompt: `{"id", "name", "version", "type"}`, where the messages come from one.
    """
    parameters = {name: value for name in PARAMETERS if (value := getattr(settings, name)) not in (None, "")}
    if settings.stop:
        parameters["stop"] = "\n".join(settings.stop)
    if settings.extra:
        parameters["extra"] = _text(settings.extra)
    return {
        "messages": list(messages),
        "tools": [
            {"name": tool.name, "description": tool.description, "parameters": _text(tool.parameters)}
            for tool in settings.tools
        ],
        "tool_choice": settings.tool_choice,
        "format": _format(settings.response_format),
        "model": model,
        "parameters": parameters,
        "prompt": dict(prompt) if prompt else None,
        "answer": None,
    }


def _format(wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "text", "name": _FORMAT_NAME, "schema": "", "strict": False}
    if wanted is None:
        return shown
    inner = wanted.get("json_schema")
    if wanted.get("type") == "json_schema" and isinstance(inner, Mapping):
        name, schema = inner.get("name") or _FORMAT_NAME, inner.get("schema") or {}
        return {
            "type": "json_schema",
            "name": str(name),
            "schema": _text(schema),
            "strict": bool(inner.get("strict")),
        }
    return {**shown, "type": "json_object"}


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def answer_of(answer: StoredAnswer, figures: Mapping[str, Any], trace_id: str) -> dict[str, Any] | None:
    """An answer that was given elsewhere, as a column shows it; None when nothing was said."""
    if not (answer.text or answer.calls):
        return None
    return {
        "state": "done",
        "text": answer.text,
        "reasoning": answer.reasoning,
        "calls": [{**call, "result": ""} for call in answer.calls],
        "error": "",
        "figures": dict(figures),
        "traceId": trace_id,
    }


def lenient_settings(value: Mapping[str, Any]) -> Settings:
    """What of a prompt's or a trace's settings can be used here; the rest is left out."""
    given = prepared(value)
    for _attempt in range(len(given) + 1):
        try:
            return Settings.model_validate(given)
        except ValidationError as error:
            for problem in error.errors():
                given.pop(str(problem["loc"][0]), None)
    return Settings()
