"""What code says it returns, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field, field_validator

from apps.workflows.dsl import types
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import NodeConfig

OutputType = Literal[
    "string",
    "number",
    "integer",
    "boolean",
    "object",
    "file",
    "any",
    "array[string]",
    "array[number]",
    "array[integer]",
    "array[boolean]",
    "array[object]",
    "array[file]",
    "array[any]",
]
_JSON_TYPES = {"file": "object", "any": None}


def short_form(value: Any) -> Any:
    """Types written as texts become objects, so that ``{name: string}`` is enough."""
    if not isinstance(value, Mapping):
        return value
    return {name: {"type": each} if isinstance(each, str) else each for name, each in value.items()}


class CodeOutput(NodeConfig):
    """The type of one output; `properties` describe an object, or the objects of a list."""

    type: OutputType = Field("string", title=_("Type"))
    title: str = Field("", title=_("Title"))
    required: bool = Field(
        True, title=_("Required"), description=_("Otherwise it may be missing, and is null.")
    )
    properties: dict[str, CodeOutput] = Field(default_factory=dict, title=_("Fields"))

    @field_validator("properties", mode="before")
    @classmethod
    def _accept_types(cls, value: Any) -> Any:
        return short_form(value)

    def schema_of(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        element = types.element_type(self.type)
        inner: dict[str, Any] = {}
        name = _JSON_TYPES.get(element or self.type, element or self.type)
        if name:
            inner["type"] = name
        if self.properties:
            inner["properties"] = {key: each.schema_of() for key, each in self.properties.items()}
        return {"type": "array", "items": inner} if element else inner


def check_outputs(value: Any, declared: Mapping[str, CodeOutput]) -> dict[str, Any]:
    """The declared part of a result. Raises `NodeError` (result_mismatch) that names the place."""
    if not isinstance(value, dict):
        if not declared:
            return {}
        raise _mismatch(f"The code must return an object with {', '.join(declared)}.", "")
    return _fields(value, declared, "")


def _fields(value: dict[str, Any], declared: Mapping[str, CodeOutput], place: str) -> dict[str, Any]:
    return {
        name: _checked(
            value.get(name), output, f"{place}.{name}" if place else name, missing=name not in value
        )
        for name, output in declared.items()
    }


def _checked(value: Any, output: CodeOutput, place: str, *, missing: bool) -> Any:
    if value is None:
        if output.required and missing:
            raise _mismatch(f"The result lacks “{place}”.", place)
        if output.required and output.type != "any":
            raise _mismatch(f"“{place}” must be {types.named(output.type)}, but it is null.", place)
        return None
    if isinstance(value, float) and value.is_integer() and output.type == "integer":
        value = int(value)
    if not types.check(value, output.type):
        found = types.named(types.infer(value))
        raise _mismatch(f"“{place}” must be {types.named(output.type)}, but it is {found}.", place)
    if not output.properties:
        return value
    if isinstance(value, list):
        return [
            {**item, **_fields(item, output.properties, f"{place}[{index}]")}
            for index, item in enumerate(value)
        ]
    return {**value, **_fields(value, output.properties, place)}


def _mismatch(sentence: str, place: str) -> NodeError:
    return NodeError(sentence, code="result_mismatch", details={"output": place})
