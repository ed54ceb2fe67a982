"""Where a workflow begins: its typed inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import forms, records
from apps.workflows.nodes.support.forms import FieldType, FormField

InputType = Literal[FieldType, "object", "array"]

_ANY_ACTION: dict[str, Any] = {"validates": True}


class StartInput(FormField):
    """One input: a field of the form, or structured data that a program sends."""

    type: InputType = Field("text", title=_("Type"))  # type: ignore[assignment]  # those of forms, and two more
    json_schema: dict[str, Any] | None = Field(
        None,
        title=_("JSON Schema"),
        description=_("What an object or array must be."),
        json_schema_extra={"x-widget": "json_schema", "x-when": {"type": ["object", "array"]}},
    )
    hidden: bool = Field(
        False, title=_("Hidden"), description=_("Not in the form; only programs and triggers set it.")
    )

    @property
    def structured(self) -> bool:
        """Whether it is an object or array."""
        return self.type in {"object", "array"}


class StartConfig(NodeConfig):
    """The inputs."""

    inputs: list[StartInput] = Field(
        default_factory=list, max_length=100, title=_("Inputs"), json_schema_extra={"x-widget": "fields"}
    )


class StartNode(Node[StartConfig]):
    """Checks the inputs of a run."""

    type = "start"
    title = _("Start")
    description = _("The inputs of the workflow. They make the form by which people start it.")
    group = "start"
    icon = "play_circle"
    Config = StartConfig
    begins = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The inputs by their names."""
        return {
            field.name: Output(_type_of(field), str(field.label or ""), _schema_of(field))
            for field in config.inputs
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """What is wrong with fields, and with defaults."""
        for place, sentence in forms.field_problems(config.inputs):
            yield place.replace("fields", "inputs", 1), sentence
        for index, field in enumerate(config.inputs):
            if field.json_schema is not None:
                yield from records.problems(f"inputs[{index}].json_schema", field.json_schema)

    def run(self, ctx: NodeContext, config: StartConfig) -> Result:
        """Convert and check the inputs; raises NodeError (invalid_inputs) that names all that is wrong."""
        values, wrong = read_inputs(self.config, ctx.scope.get("inputs") or {})
        if wrong:
            listed = "; ".join(f"{name} {sentence}" for name, sentence in wrong.items())
            raise NodeError(
                f"The inputs don't fit: {listed}", code="invalid_inputs", details={"fields": wrong}
            )
        return Result(values)


def input_schema(config: StartConfig) -> dict[str, Any]:
    """The JSON Schema of a workflow's inputs, in the form's order, with hints (``x-widget``, ``x-hidden``)."""
    schema = forms.form_schema(field for field in config.inputs if not field.structured)
    found = schema["properties"]
    properties = {field.name: found.get(field.name) or _structure(field) for field in config.inputs}
    for field in config.inputs:
        if field.hidden:
            properties[field.name]["x-hidden"] = True
    required = [field.name for field in config.inputs if field.required and field.default is None]
    return {"type": "object", "properties": properties, "required": required}


def read_inputs(config: StartConfig, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The inputs with defaults and in their types, and a sentence for each that is wrong.

    Inputs that the node doesn't name are passed on as they are: triggers send more than a form.
    """
    values = dict(given)
    wrong: dict[str, str] = {}
    for field in config.inputs:
        value = values.get(field.name)
        if value is None or value == "":
            value = field.default
        if value is None or value == "":
            values[field.name] = None if value is None else value
            if field.required and field.type != "checkbox":
                wrong[field.name] = "must be filled in."
            elif field.type == "checkbox":
                values[field.name] = False
            continue
        try:
            values[field.name] = types.convert(value, _type_of(field))
        except LanguageError as error:
            wrong[field.name] = error.message
            continue
        if problem := _problem(field, values[field.name]):
            wrong[field.name] = problem
    return values, wrong


def _problem(field: StartInput, value: Any) -> str:
    if field.structured:
        errors = records.check(value, field.json_schema) if field.json_schema else []
        return str(errors[0]["message"]) if errors else ""
    form = forms.form_schema([field])
    return forms.check_values(form, {field.name: value}, _ANY_ACTION).get(field.name, "")


def _structure(field: StartInput) -> dict[str, Any]:
    shape: dict[str, Any] = {**(field.json_schema or {}), "type": field.type, "x-widget": "json"}
    shape.setdefault("title", field.label or field.name.replace("_", " ").capitalize())
    if field.description:
        shape["description"] = field.description
    if field.default is not None:
        shape["default"] = field.default
    return shape


def _type_of(field: StartInput) -> str:
    if field.structured:
        return "object" if field.type == "object" else "array[any]"
    return forms.type_of(field)


def _schema_of(field: StartInput) -> dict[str, Any] | None:
    return field.json_schema if field.structured else None
