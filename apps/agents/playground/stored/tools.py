"""Tools that were offered, in the forms of the vendors and of their instrumentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from apps.agents.prompts import clean

_SCHEMAS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")
_GROUPS = ("function_declarations", "functionDeclarations")
#: Attributes that name the tools of a call.
_ATTRIBUTES = ("gen_ai.tool.definitions", "llm.tools", "ai.prompt.tools", "gen_ai.request.tools", "tools")
_FLAT = "llm.request.functions."


def read_tools(value: Any) -> list[dict[str, Any]]:
    """Tools of a list, as `{"name", "description", "parameters"}`; each name once."""
    found = {tool["name"]: tool for tool in _tools(loaded(value)) if tool["name"]}
    return list(found.values())


def _tools(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else ():
        tool = loaded(item)
        if not isinstance(tool, Mapping):
            continue
        group = next((tool[name] for name in _GROUPS if isinstance(tool.get(name), list)), None)
        if group is not None:
            yield from _tools(group)
        else:
            yield _tool(tool)


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    inner = tool.get("function")
    source = inner if isinstance(inner, Mapping) else tool
    schema = next((loaded(source[name]) for name in _SCHEMAS if source.get(name)), None)
    return {
        "name": clean(str(source.get("name") or "")),
        "description": clean(str(source.get("description") or "")),
        "parameters": schema if isinstance(schema, dict) else {"type": "object", "properties": {}},
    }


def tools_in(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tools among the attributes of an observation."""
    for name in _ATTRIBUTES:
        if tools := read_tools(attributes.get(name)):
            return tools
    flat: dict[str, dict[str, Any]] = {}
    for name, value in attributes.items():
        if name.startswith(_FLAT):
            number, _dot, key = name.removeprefix(_FLAT).partition(".")
            flat.setdefault(number, {})[key] = value
    return read_tools(list(flat.values()))


def loaded(value: Any) -> Any:
    """JSON text as its value; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
