"""Documents to text: the same document always gives the same text, with keys in one order and defaults left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from apps.workflows.dsl.document import Document
from apps.workflows.dsl.nodetype import Catalogue

#: Texts that our reader would take for something else than YAML 1.1, by which the writer decides on quotes, does.
_READS_AS_OTHER = re.compile(r"[-+]?(\.?[0-9][0-9.]*([eE][-+]?[0-9]+)?)|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)


def dump(document: Document, catalogue: Catalogue | None = None) -> dict[str, Any]:
    """A document as plain data: keys in the order of the language, defaults left out.

    With a catalogue, the keys of each `config` come in the order of its type; without, as they are.
    """
    data = document.model_dump(exclude_defaults=True)
    nodes = data.pop("nodes", [])
    edges = data.pop("edges", [])
    data = {"version": document.version, "kind": document.kind, **data}
    data["nodes"] = [_node(node, catalogue) for node in nodes]
    data["edges"] = edges
    return data


def _node(node: dict[str, Any], catalogue: Catalogue | None) -> dict[str, Any]:
    kind = catalogue.get(node["type"]) if catalogue is not None else None
    for key in ("position", "retry"):
        if node.get(key):
            node[key] = {name: _tidy(value) for name, value in node[key].items()}
    if kind is not None and "config" in node:
        node["config"] = _ordered_config(node["config"], kind.Config)
    body = node.get("body")
    if body is not None:
        node["body"] = {
            "nodes": [_node(child, catalogue) for child in body.get("nodes", [])],
            "edges": body.get("edges", []),
        }
    return node


def _tidy(value: Any) -> Any:
    """Whole numbers without a fraction, so that dragging a node by a pixel stays a small change."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ordered_config(config: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    try:
        template = model.model_validate(config).model_dump(mode="python", exclude_unset=True)
    except ValidationError:
        # a draft may be wrong; its keys are kept in the order of the model as far as it has them
        template = dict.fromkeys(model.model_fields)
    ordered: dict[str, Any] = _like(config, template)
    return ordered


def _like(data: Any, template: Any) -> Any:
    """`data` with its keys in the order of `template`; nothing is lost or changed."""
    if isinstance(data, dict) and isinstance(template, Mapping):
        keys = [key for key in template if key in data]
        keys += [key for key in data if key not in template]
        return {key: _like(data[key], template.get(key)) for key in keys}
    if isinstance(data, list) and isinstance(template, list | tuple) and len(data) == len(template):
        return [_like(item, like) for item, like in zip(data, template, strict=True)]
    return data


def dump_json(document: Document, catalogue: Catalogue | None = None) -> str:
    """A document as JSON, indented by two, with a line feed at the end."""
    return json.dumps(dump(document, catalogue), ensure_ascii=False, indent=2) + "\n"


def dump_yaml(document: Document, catalogue: Catalogue | None = None) -> str:
    """A document as YAML: texts of several lines as blocks, nothing folded."""
    written: str = yaml.dump(
        dump(document, catalogue),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
        default_flow_style=False,
    )
    return written


class _Dumper(yaml.SafeDumper):
    """Writes what our reader reads back."""

    def ignore_aliases(self, data: Any) -> bool:
        """Equal parts are written out each time: aliases are no part of the language."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented below their key."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value and _fits_block(value):
        style = "|"
    elif _READS_AS_OTHER.fullmatch(value):
        style = "'"
    elif not value.isascii() and not value.isprintable():
        # control characters and the like are escaped
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _fits_block(value: str) -> bool:
    """Whether a block reads back as the same text: no line ends in blanks, and nothing needs an escape."""
    lines = value.split("\n")
    return (
        bool(lines[0])
        and not lines[0].startswith((" ", "\t"))
        and not any(line != line.rstrip() for line in lines)
        and all(line.isprintable() or not line for line in lines)
    )


_Dumper.add_representer(str, _text)
