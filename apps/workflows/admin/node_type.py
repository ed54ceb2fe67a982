"""Node types: the palette of the editor, and a page that explains each."""

from __future__ import annotations

from typing import Any

import yaml
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from apps.workflows.admin.base import WorkflowsPage
from apps.workflows.dsl.nodetype import Port
from apps.workflows.nodes.registry import catalogue

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


class NodeTypesPage(WorkflowsPage):
    """Every node type with its configuration, ports and outputs."""

    title = gettext_lazy("Node types")
    template_name = "workflows/node_types.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The whole palette."""
        return {"data": {"palette": palette(), "chosen": request.GET.get("type", "")}}


def palette() -> list[dict[str, Any]]:
    """Node types by group: type, title, description, group, groupTitle, icon, container, effects, ports, outputs,
    schema, snippet."""
    order = list(GROUPS)
    types = sorted(catalogue().values(), key=lambda kind: (order.index(kind.group), kind.title))
    return [described(kind) for kind in types]


def described(kind: Any) -> dict[str, Any]:
    """All that the console says of one node type, translated."""
    sample = _sample(kind.Config)
    return {
        "type": kind.type,
        "title": _(kind.title),
        "description": _(kind.description) if kind.description else "",
        "group": kind.group,
        "groupTitle": str(GROUPS[kind.group]),
        "icon": kind.icon,
        "container": kind.container,
        "effects": kind.effects,
        "ports": _tolerant(lambda: [_titled(port) for port in kind.ports(sample)]),
        "outputs": _tolerant(
            lambda: [
                {"name": name, "type": output.type, "title": _(output.title) if output.title else ""}
                for name, output in kind.outputs(sample).items()
            ]
        ),
        "schema": translated_schema(kind.Config.model_json_schema()),
        "snippet": snippet(kind),
    }


def _titled(port: Port) -> dict[str, str]:
    return {"name": port.name, "title": _(port.title) if port.title else ""}


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
    values = {
        name: field.get_default(call_default_factory=True)
        if field.get_default(call_default_factory=True) is not PydanticUndefined
        else _placeholder(field.annotation)
        for name, field in config.model_fields.items()
    }
    return config.model_construct(**values)


def _tolerant(read: Any) -> list[dict[str, Any]]:
    """What `read` returns; nothing where it depends on fields that are not filled in yet."""
    try:
        found: list[dict[str, Any]] = read()
    except (AttributeError, LookupError, TypeError, ValueError):
        return []
    return found
