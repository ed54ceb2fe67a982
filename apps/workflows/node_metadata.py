"""Everything that is known of node types, as the console, the API and a canvas show it: in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import yaml
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from apps.workflows.dsl.nodetype import Port
from apps.workflows.nodes.registry import catalogue

#: Titles of the groups, in the order of palettes.
GROUPS = {
    "start": gettext_lazy("Start"),
    "model": gettext_lazy("Models"),
    "knowledge": gettext_lazy("Knowledge"),
    "logic": gettext_lazy("Logic"),
    "flow": gettext_lazy("Flow"),
    "transform": gettext_lazy("Transform"),
    "tools": gettext_lazy("Tools"),
    "data": gettext_lazy("Data"),
    "people": gettext_lazy("People"),
    "other": gettext_lazy("Other"),
}

_TRANSLATED = ("title", "description")


def node_types() -> list[dict[str, Any]]:
    """All node types, by group and title; made once per language and process: treat it as read only."""
    return _node_types(get_language() or "")


@cache
def _node_types(_language: str) -> list[dict[str, Any]]:
    order = list(GROUPS)
    types = sorted(
        catalogue().values(), key=lambda kind: (order.index(kind.group), kind.type != "start", kind.title)
    )
    return [described(kind) for kind in types]


def described(kind: Any) -> dict[str, Any]:
    """One node type.

    type, title, description, group, group_title, icon; container: whether it holds a body; effects: whether it acts
    on the outside (and can be given retries); text_output: name of the output that streams; ports (name, title) and
    outputs (name, type, title) of a node with its defaults, which its configuration may change; body_outputs: what a
    container's body reads under its id; config_schema: JSON Schema with the hints `x-…` of forms; snippet: YAML.
    """
    sample = _sample(kind.Config)
    return {
        "type": kind.type,
        "title": _(kind.title),
        "description": _(kind.description) if kind.description else "",
        "group": kind.group,
        "group_title": str(GROUPS[kind.group]),
        "icon": kind.icon,
        "container": kind.container,
        "effects": kind.effects,
        "text_output": kind.text_output,
        "ports": _tolerant(lambda: [_port(port) for port in kind.ports(sample)]),
        "outputs": _tolerant(lambda: _outputs(kind.outputs(sample))),
        "body_outputs": _tolerant(lambda: _outputs(kind.body_outputs(sample))),
        "config_schema": translated_schema(kind.Config.model_json_schema()),
        "snippet": snippet(kind),
    }


def translated_schema(schema: Any) -> Any:
    """A JSON schema with its titles and descriptions in the reader's language."""
    if isinstance(schema, dict):
        return {
            name: _(value)
            if name in _TRANSLATED and isinstance(value, str) and value
            else translated_schema(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [translated_schema(item) for item in schema]
    return schema


def snippet(kind: Any) -> str:
    """A node of the type as YAML, an item of `nodes`: required fields with a value to fill in."""
    node: dict[str, Any] = {"id": kind.type, "type": kind.type, "title": _(kind.title)}
    node["config"] = {
        (field.alias or name): _placeholder(field.annotation)
        for name, field in kind.Config.model_fields.items()
        if field.is_required()
    }
    if kind.container:
        node["body"] = {"nodes": [], "edges": []}
    text: str = yaml.safe_dump([node], allow_unicode=True, sort_keys=False, width=120)
    return text


def _port(port: Port) -> dict[str, str]:
    return {"name": port.name, "title": _(port.title) if port.title else ""}


def _outputs(outputs: Any) -> list[dict[str, str]]:
    return [
        {"name": name, "type": output.type, "title": _(output.title) if output.title else ""}
        for name, output in outputs.items()
    ]


def _placeholder(annotation: Any) -> Any:
    origin = getattr(annotation, "__origin__", annotation)
    if origin in (list, tuple):
        return []
    if origin is dict:
        return {}
    if origin is bool:
        return False
    if origin in (int, float):
        return 0
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            name: _placeholder(field.annotation)
            for name, field in annotation.model_fields.items()
            if field.is_required()
        }
    choices = getattr(annotation, "__args__", ())
    return choices[0] if choices and isinstance(choices[0], str) else ""


def _sample(config: type[BaseModel]) -> BaseModel:
    """A configuration with its defaults, unchecked: what ports and outputs look like before one fills it in."""
    values: dict[str, Any] = {}
    for name, field in config.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        values[name] = _placeholder(field.annotation) if default is PydanticUndefined else default
    return config.model_construct(**values)


def _tolerant(read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What `read` returns; nothing where it depends on fields that are not filled in yet."""
    try:
        return read()
    except (AttributeError, LookupError, TypeError, ValueError):
        return []
