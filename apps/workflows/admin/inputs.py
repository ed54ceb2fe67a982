"""The start node's inputs: as a form, and as an example for snippets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from apps.workflows.nodes.start import StartConfig, input_schema
from apps.workflows.services.inputs import start_config

NO_INPUTS: dict[str, Any] = {"type": "object", "properties": {}, "required": []}


def input_form(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON Schema of the inputs, as `form/from-schema.js` takes it; None when a draft's start node is not right."""
    try:
        return input_schema(StartConfig.model_validate(start_config(document)))
    except (ValidationError, TypeError, ValueError):
        return None


def sample_inputs(document: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each input that can be written down: its default, else one of its type."""
    schema = input_form(document) or NO_INPUTS
    samples: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        samples[name] = field.get("default", _sample(field))
    return samples


def _sample(field: Mapping[str, Any]) -> Any:
    options = field.get("oneOf") or field.get("enum")
    if options:
        return options[0]["const"] if isinstance(options[0], Mapping) else options[0]
    kind = field.get("type")
    return {"string": "…", "number": 1.0, "integer": 1, "boolean": True, "array": [], "object": {}}.get(
        str(kind)
    )
