"""Configuration fields whose value is known only when a node runs: literals, references and templates.

A field of a node's configuration that is annotated with one of the types below accepts, in the document, a literal,
a reference (``$.node.output.path``) or a template (``Hi {{ node.output }}``). When the node runs, the engine hands it
a configuration in which each of these fields holds its value, converted to the declared type. Fields without the
marker are taken as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Marks a field as dynamic; `type` is what its value is converted to (see `dsl.types`)."""

    type: str = "any"

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"x-dynamic": self.type}


DynamicAny = Annotated[Any, Dynamic("any")]
DynamicText = Annotated[str, Dynamic("string")]
DynamicNumber = Annotated[float, Dynamic("number")]
DynamicInteger = Annotated[int, Dynamic("integer")]
DynamicBoolean = Annotated[bool, Dynamic("boolean")]
DynamicObject = Annotated[dict[str, Any], Dynamic("object")]
DynamicArray = Annotated[list[Any], Dynamic("array[any]")]
DynamicFile = Annotated[dict[str, Any], Dynamic("file")]
