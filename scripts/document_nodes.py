"""Write `docs/reference/nodes.md`, the reference of all node types, from the catalogue itself.

`--check` writes nothing and fails when the page is not up to date.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "nodes.md"
#: Options of options of options: deeper ones are told of in words.
MAX_DEPTH = 3

INTRODUCTION = """# Nodes

<!-- Written by scripts/document_nodes.py; a change belongs into apps/workflows/nodes. -->

Every node type with its ports, outputs and options. A node stands in a workflow as

```yaml
- id: total                # read its outputs as $.total.<output>
  type: code
  title: Add it up
  config: {}               # the options below
  retry: {attempts: 3, delay_ms: 500}                 # only types that act on the outside
  timeout_s: 30
  on_error: {strategy: branch}                        # fail, default, or branch (port "error")
```

An option marked *dynamic* takes a value, a reference (`$.node.output.path`) or a template (`{{ node.output }}`); the
type is what the value is converted to. Options with a dot stand inside the option before it; `[]` stands for each item
of a list, `<name>` for a name of your own.
"""

sys.path.insert(0, str(ROOT))


def main() -> int:
    """Write or check the page; 1 when a check finds it out of date."""
    fresh = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == fresh:
        return 0
    if "--check" in sys.argv[1:]:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is out of date: run scripts/document_nodes.py\n")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


def page() -> str:
    """The whole page, in English whatever the machine's language."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")  # noqa: TID251  # before Django is there
    import django
    from django.utils import translation

    django.setup()
    from apps.workflows.node_metadata import node_types

    lines = [INTRODUCTION]
    group = ""
    with translation.override("en"):
        for node in node_types():
            if node["group_title"] != group:
                group = node["group_title"]
                lines.append(f"## {group}\n")
            lines += _node(node)
    return "\n".join(lines)


def _node(node: dict[str, Any]) -> Iterator[str]:
    yield f"### {node['title']}\n"
    kind = ", holds a body" if node["container"] else ""
    effects = ", acts on the outside (can be retried)" if node["effects"] else ""
    yield f"`{node['type']}`{kind}{effects}. {node['description']}\n"
    if node["ports"]:
        yield f"**Ports:** {', '.join(_named(port) for port in node['ports'])}.\n"
    for title, key in (("Outputs", "outputs"), ("Read in the body", "body_outputs")):
        if node[key]:
            values = [(f"`{each['name']}`", f"`{each['type']}`", str(each["title"])) for each in node[key]]
            yield f"**{title}**\n"
            yield _table(("Name", "Type", "Meaning"), values)
    rows = list(options(node["config_schema"], node["config_schema"], "", 0))
    if rows:
        yield "**Options**\n"
        yield _table(("Option", "Type", "Default", "Meaning"), rows)


def _named(port: dict[str, str]) -> str:
    return f"`{port['name']}`" + (f" ({port['title']})" if port["title"] else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _each in head) + " |"]
    lines += [
        "| "
        + " | ".join(cell.replace("|", "\\|").replace("\n", " ").replace("{{", "&#123;{") for cell in row)
        + " |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


Row = tuple[str, str, str, str]


def options(schema: dict[str, Any], root: dict[str, Any], path: str, depth: int) -> Iterator[Row]:
    """Rows for the properties of an object, each followed by those inside it."""
    required = set(schema.get("required", ()))
    for name, raw in schema.get("properties", {}).items():
        option = {**_resolved(raw, root), **{key: value for key, value in raw.items() if key != "$ref"}}
        place = f"{path}{name}"
        if "const" in option:  # which of several forms this is
            yield f"`{place}`", f"`{option['const']}`", "", str(schema.get("description", ""))
            continue
        default = "*required*" if name in required else _default(raw)
        yield f"`{place}`", _type(option, root), default, _meaning(raw, option)
        if depth < MAX_DEPTH:
            yield from _inside(option, root, place, depth)


def _inside(option: dict[str, Any], root: dict[str, Any], place: str, depth: int) -> Iterator[Row]:
    for inner in _branches(option, root):
        if "properties" in inner:
            yield from options(inner, root, f"{place}.", depth + 1)
        elif isinstance(inner.get("items"), dict):
            for item in _branches(_resolved(inner["items"], root), root):
                yield from options(item, root, f"{place}[].", depth + 1)
        elif isinstance(inner.get("additionalProperties"), dict):
            for item in _branches(_resolved(inner["additionalProperties"], root), root):
                yield from options(item, root, f"{place}.<name>.", depth + 1)


def _branches(option: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms an option may have, without null."""
    if "x-dynamic" in option:
        return []
    listed = option.get("oneOf") or option.get("anyOf")
    if not listed:
        return [option]
    found = [_resolved(each, root) for each in listed]
    return [inner for each in found if each.get("type") != "null" for inner in _branches(each, root)]


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    found: dict[str, Any] = root["$defs"][reference.rpartition("/")[2]] if reference else schema
    return found


def _type(option: dict[str, Any], root: dict[str, Any]) -> str:
    dynamic = _dynamic(option)
    if dynamic:
        return f"{dynamic}, *dynamic*"
    names = list(dict.fromkeys(_plain_type(each, root) for each in _branches(option, root)))
    return " or ".join(names)


def _dynamic(option: dict[str, Any]) -> str:
    for each in (option, *option.get("anyOf", ())):
        if "x-dynamic" in each:
            return str(each["x-dynamic"])
    return ""


def _plain_type(schema: dict[str, Any], root: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        items = schema.get("items", {})
        return f"list of {_type(_resolved(items, root), root)}" if items else "list"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(_resolved(schema['additionalProperties'], root), root)}"
    return kind + _range(schema)


def _range(schema: dict[str, Any]) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    return f" ({'' if low is None else low}…{'' if high is None else high})"


def _default(option: dict[str, Any]) -> str:
    if "default" not in option or option["default"] in (None, "", [], {}):
        return ""
    text = json.dumps(option["default"], ensure_ascii=False)
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"


def _meaning(raw: dict[str, Any], option: dict[str, Any]) -> str:
    title = str(raw.get("title") or ("" if "$ref" in raw else option.get("title") or ""))
    description = str(raw.get("description") or "")
    return f"{title}. {description}".strip(". ") + "." if title or description else ""


if __name__ == "__main__":
    sys.exit(main())
