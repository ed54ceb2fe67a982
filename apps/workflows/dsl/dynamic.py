"""Markers of configuration fields: values known only when a node runs, and names of things outside the document.

A field of a node's configuration that is annotated with one of the `Dynamic…` types accepts, in the document, a
literal, a reference (``$.node.output.path``) or a template (``Hi {{ node.output }}``). When the node runs, the engine
hands it a configuration in which each of these fields holds its value, converted to the declared type
(`dsl.compiled`). Fields without a marker are taken as they stand.

The `Body…` types belong to containers: they are read inside the body, round by round, so the container gets them as
they were written and compiles them itself (`compile_value`, `compile_condition`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

#: Types of a dynamic field that are no types of values.
CONDITION = "condition"
TARGET = "target"

_EXPRESSION = {"type": "string"}
_LITERAL = {
    "type": "object",
    "required": ["$literal"],
    "properties": {"$literal": {}},
    "additionalProperties": False,
}
#: What a document may hold for each type; a text may always be a reference or a template.
_ACCEPTED: dict[str, list[dict[str, Any]]] = {
    "string": [{"type": ["string", "number", "boolean", "null"]}, _LITERAL],
    "secret": [_EXPRESSION, _LITERAL],
    "number": [{"type": "number"}, _EXPRESSION],
    "integer": [{"type": "integer"}, _EXPRESSION],
    "boolean": [{"type": "boolean"}, _EXPRESSION],
    "object": [{"type": "object"}, _EXPRESSION],
    "file": [{"type": "object"}, _EXPRESSION],
    CONDITION: [{"type": ["string", "boolean", "object", "array"]}],
    TARGET: [{"type": "string", "pattern": r"^\$\."}],
}


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Marks a field as dynamic.

    type: what its value is converted to (see `dsl.types`); ``condition`` for a condition, whose value is a boolean;
    ``target`` for the variable that a node writes, which stays the reference it is.
    within: ``node``, or ``body`` for what a container reads inside its body.
    names: of the field of the same configuration whose keys are further names in a template; the node, which knows
    their values, renders such a template itself.
    """

    type: str = "any"
    within: Literal["node", "body"] = "node"
    names: str = ""

    @property
    def resolved(self) -> bool:
        """Whether the engine puts a value in its place."""
        return self.within == "node" and self.type != TARGET and not self.names

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema: dict[str, Any] = {"x-dynamic": self.type}
        if self.within != "node":
            schema["x-within"] = self.within
        array = [{"type": "array"}, _EXPRESSION] if self.type.startswith("array[") else None
        accepted = array or _ACCEPTED.get(self.type)
        return {**schema, "anyOf": accepted} if accepted else schema


DynamicAny = Annotated[Any, Dynamic("any")]
DynamicText = Annotated[str, Dynamic("string")]
DynamicNumber = Annotated[float, Dynamic("number")]
DynamicInteger = Annotated[int, Dynamic("integer")]
DynamicBoolean = Annotated[bool, Dynamic("boolean")]
DynamicObject = Annotated[dict[str, Any], Dynamic("object")]
DynamicArray = Annotated[list[Any], Dynamic("array[any]")]
DynamicFile = Annotated[dict[str, Any], Dynamic("file")]
#: A condition; the node gets whether it holds.
DynamicCondition = Annotated[bool, Dynamic(CONDITION)]
#: The variable a node writes, as a reference: ``$.conversation.topic`` or one of a loop around it, ``$.loop.count``.
Target = Annotated[str, Dynamic(TARGET)]
#: What a container reads in its body when a round is over.
BodyAny = Annotated[Any, Dynamic("any", "body")]
#: A condition that a container looks at in every round.
BodyCondition = Annotated[Any, Dynamic(CONDITION, "body")]

ResourceKind = Literal[
    "model", "knowledge_base", "workflow", "table", "credential", "language", "agent", "tool"
]


@dataclass(frozen=True, slots=True)
class Resource:
    """Marks a field that names something outside the document; validation asks the environment for it.

    Use as ``model: Annotated[str, Resource("model")]``; it may stand beside `Dynamic`, and then only literals are
    looked up. optional: whether an empty name means "none" (for models it means the default one).
    """

    kind: ResourceKind
    optional: bool = False

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "x-resource": self.kind}


ModelName = Annotated[str, Resource("model")]
KnowledgeBaseName = Annotated[str, Resource("knowledge_base")]
WorkflowName = Annotated[str, Resource("workflow")]
TableName = Annotated[str, Resource("table")]
