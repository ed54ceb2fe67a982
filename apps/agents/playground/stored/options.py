"""Parameters of a stored call under the names that `parameters.Settings` has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.agents.playground.stored.tools import loaded

_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "topP": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "maxTokens": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "frequencyPenalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "presencePenalty": "presence_penalty",
    "stop": "stop",
    "stop_sequences": "stop",
    "stopSequences": "stop",
    "reasoning_effort": "reasoning_effort",
    "response_format": "response_format",
    "tool_choice": "tool_choice",
    "toolChoice": "tool_choice",
    "extra": "extra",
}
_PREFIXES = ("flywheel.request.", "gen_ai.request.", "ai.settings.", "llm.")


def read_options(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """The options that several mappings name; of two that name the same, the first is right."""
    found: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            target = _NAMES.get(name)
            if target and value not in (None, ""):
                found.setdefault(target, value)
        reasoning = source.get("reasoning")
        if isinstance(reasoning, Mapping) and reasoning.get("effort"):
            found.setdefault("reasoning_effort", reasoning["effort"])
    for name in ("tool_choice", "response_format", "extra", "stop"):
        if name in found:
            found[name] = loaded(found[name])
    if "tool_choice" in found:
        found["tool_choice"] = _choice(found["tool_choice"])
    return found


def _choice(value: Any) -> Any:
    """Anthropic's `any` is OpenAI's `required`; both have objects for it."""
    if (
        isinstance(value, Mapping)
        and not value.get("name")
        and not isinstance(value.get("function"), Mapping)
    ):
        value = value.get("type") or ""
    return "required" if value == "any" else value


def options_in(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Options among the attributes of an observation."""
    nested = attributes.get("model_parameters")
    return read_options(*_prefixed(attributes), nested if isinstance(nested, Mapping) else {})


def _prefixed(attributes: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for prefix in _PREFIXES:
        yield {
            name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)
        }
