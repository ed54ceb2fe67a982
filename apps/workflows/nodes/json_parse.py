"""From text to JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import jsonpaths, records, tolerant_json


class JsonParseConfig(NodeConfig):
    """The text, how strictly it is read, and what of it is wanted."""

    text: DynamicAny = Field(
        title=_("Text"),
        description=_("An object or a list is taken as it is."),
        json_schema_extra={"x-widget": "textarea"},
    )
    tolerant: bool = Field(
        False,
        title=_("Forgive mistakes"),
        description=_(
            "Finds JSON between words and in code fences, and accepts comments, trailing commas, single quotes, "
            "names without quotes and a missing end."
        ),
    )
    path: str = Field(
        "",
        title=_("Path"),
        description=_("JSONPath of the part that is wanted, such as $.items[0].name. Empty: all of it."),
        json_schema_extra={"x-widget": "jsonpath"},
    )
    matches: Literal["first", "all"] = Field(
        "first",
        title=_("Matches"),
        description=_("The first value the path finds, or a list of all."),
        json_schema_extra={"x-advanced": True},
    )
    required: bool = Field(
        True,
        title=_("Path must be there"),
        description=_("Otherwise the output is null when the path finds nothing."),
        json_schema_extra={"x-advanced": True},
    )
    json_schema: dict[str, Any] | None = Field(
        None,
        title=_("Schema"),
        description=_("JSON Schema (2020-12) that the value must meet."),
        json_schema_extra={"x-widget": "json_schema"},
    )


class JsonParseNode(Node[JsonParseConfig]):
    """Reads JSON."""

    type = "json_parse"
    title = _("Parse JSON")
    description = _("Turns a text into an object or a list, also when it is written carelessly.")
    group = "transform"
    icon = "data_object"
    Config = JsonParseConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The value."""
        several = bool(config.path) and config.matches == "all"
        kind = "array[any]" if several else records.type_of_schema(config.json_schema)
        return {"output": Output(kind, _("The value"), config.json_schema)}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """A path or a schema that is none."""
        if config.path and (reason := jsonpaths.problem(config.path)):
            yield "path", reason
        if config.json_schema is not None:
            yield from records.problems("json_schema", config.json_schema)

    def run(self, ctx: NodeContext, config: JsonParseConfig) -> Result:
        """Read. Raises `NodeError` (invalid_json, path_not_found, schema_mismatch)."""
        value = config.text if isinstance(config.text, dict | list) else _parse(config)
        if config.path:
            value = _select(value, config)
        if config.json_schema is not None:
            _require(value, config.json_schema)
        return Result({"output": value})


def _parse(config: JsonParseConfig) -> Any:
    text = types.text(config.text)
    try:
        return tolerant_json.loads(text) if config.tolerant else tolerant_json.loads_strict(text)
    except tolerant_json.NoJson as error:
        details = {"line": error.line, "column": error.column, "text": text[:200]}
        raise NodeError(str(error), code="invalid_json", details=details) from error


def _select(value: Any, config: JsonParseConfig) -> Any:
    found = jsonpaths.find(config.path, value)
    if config.matches == "all":
        return found
    if not found and config.required:
        raise NodeError(f"The path {config.path} finds nothing in the value.", code="path_not_found")
    return found[0] if found else None


def _require(value: Any, schema: Mapping[str, Any]) -> None:
    errors = records.check(value, schema)
    if errors:
        first = errors[0]
        raise NodeError(
            f"The value does not meet the schema: {first['path']} {first['message']}",
            code="schema_mismatch",
            details={"errors": errors},
        )
