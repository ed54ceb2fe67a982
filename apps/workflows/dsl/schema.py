"""The published JSON Schema of a document (draft 2020-12), with the configuration of each node type."""

from __future__ import annotations

from typing import Any

from apps.workflows.dsl.document import Document
from apps.workflows.dsl.nodetype import Catalogue, NodeType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "Flywheel workflow, flywheel/v1"
_TEMPLATE = "#/$defs/{model}"


def document_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a whole document: `config` is checked by the node's `type`."""
    schema = Document.model_json_schema(ref_template=_TEMPLATE)
    definitions = schema.pop("$defs")
    node = definitions["NodeModel"]
    types = sorted(catalogue)
    node["properties"]["type"] = {"enum": types, "title": "Type"}
    node["allOf"] = [_rule(type_, catalogue[type_], definitions) for type_ in types]
    return {
        "$schema": DIALECT,
        "title": TITLE,
        "description": (Document.__doc__ or "").strip(),
        **{key: value for key, value in schema.items() if key not in {"title", "description"}},
        "required": ["version", "nodes"],
        "$defs": definitions,
    }


def _rule(type_: str, kind: type[NodeType], definitions: dict[str, Any]) -> dict[str, Any]:
    """If a node is of this type, then its configuration is so."""
    config = _qualified(kind.Config.model_json_schema(ref_template=_TEMPLATE), f"{type_}.")
    definitions.update(config.pop("$defs", {}))
    definitions[f"{type_}.config"] = config
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{type_}.config"}}}
    if config.get("required"):
        then["required"] = ["config"]
    if not kind.container:
        then["properties"]["body"] = False
    return {"if": {"properties": {"type": {"const": type_}}, "required": ["type"]}, "then": then}


def _qualified(schema: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A schema whose definitions carry a prefix, so that those of different types don't meet."""
    found = {key: _renamed(value, prefix) for key, value in schema.items() if key != "$defs"}
    if "$defs" in schema:
        found["$defs"] = {f"{prefix}{name}": _renamed(item, prefix) for name, item in schema["$defs"].items()}
    return found


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _renamed_reference(item, prefix) if key in {"$ref", "mapping"} else _renamed(item, prefix)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_renamed(item, prefix) for item in value]
    return value


def _renamed_reference(value: Any, prefix: str) -> Any:
    if isinstance(value, str):
        return value.replace("#/$defs/", f"#/$defs/{prefix}", 1)
    if isinstance(value, dict):
        return {key: _renamed_reference(item, prefix) for key, item in value.items()}
    return value


def node_schemas(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """The schema of each node type's configuration, by type, each complete in itself."""
    return {
        type_: {"$schema": DIALECT, **kind.Config.model_json_schema(ref_template=_TEMPLATE)}
        for type_, kind in sorted(catalogue.items())
    }
