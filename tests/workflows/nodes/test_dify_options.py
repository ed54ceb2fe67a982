"""Every option of Dify's nodes has a place in `docs/reference/dify-options.md`, and every place named there exists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.workflows.nodes.registry import catalogue
from scripts.document_nodes import options

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "dify-options.md"
CORPUS = Path(os.environ.get("FLYWHEEL_CORPUS") or ROOT.parent / "shared" / "corpus") / "dify"
COMMON = "All nodes"
NOTES = "Notes on the canvas"
#: Parts of a node beside its configuration.
NODE_PARTS = {
    "title", "description", "type", "body", "retry", "retry.attempts", "retry.delay_ms", "on_error.strategy",
    "on_error.default",
}  # fmt: skip

Table = dict[str, str]


def tables() -> dict[str, tuple[str, Table]]:
    """By Dify's type: the type here ("" for none) and Dify's options with what they become."""
    found: dict[str, tuple[str, Table]] = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _newline, body = section.partition("\n")
        theirs, _arrow, ours = heading.partition(" → ")
        rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| .*\|$", body, re.MULTILINE)
        assert rows, heading
        found[theirs.strip("`")] = (ours.strip("`").removeprefix("—"), dict(rows))
    return found


TABLES = tables()


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The leaves of an export's node."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from paths(inner, f"{path}[]")
    elif value not in ({}, []):
        yield path


def pattern(option: str) -> re.Pattern[str]:
    escaped = re.escape(option).replace(r"\*\*", r".+").replace(r"\*", r"[^.]+")
    return re.compile(escaped)


def is_known(table: Table, path: str) -> bool:
    return any(pattern(option).fullmatch(path) for option in table)


def option_paths(kind: str) -> set[str]:
    schema = catalogue()[kind].Config.model_json_schema()
    return {row[0].strip("`") for row in options(schema, schema, "", 0)}


@pytest.mark.parametrize("theirs", sorted(TABLES))
def test_what_an_option_becomes_exists(theirs):
    ours, table = TABLES[theirs]
    known = NODE_PARTS | (option_paths(ours) if ours else set())
    named = {name for target in table.values() for name in re.findall(r"`([^`]+)`", target)}
    assert named <= known
    for option, target in table.items():
        assert "`" in target or target in {"*dropped*", "*not expressible*"}, option


def files() -> list[Path]:
    return (
        sorted(path for path in CORPUS.rglob("*") if path.suffix in {".yml", ".yaml"})
        if CORPUS.is_dir()
        else []
    )


@pytest.mark.skipif(not files(), reason="there are no exports to look at")
def test_every_option_of_real_exports_is_known():
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    unknown: set[tuple[str, str]] = set()
    nodes = 0
    for file in files():
        document = yaml.load(file.read_text(encoding="utf-8-sig"), Loader=loader)  # noqa: S506  # a safe loader
        graph = (document.get("workflow") or {}).get("graph") or {}
        for node in graph.get("nodes") or []:
            nodes += 1
            kind = node["data"].get("type") or NOTES
            table = {**TABLES[COMMON][1], **TABLES[kind][1]} if kind in TABLES else {}
            unknown |= {(kind, path) for path in set(paths(node["data"])) if not is_known(table, path)}
    assert nodes > 0
    assert sorted(unknown) == []


@pytest.mark.skipif(not files(), reason="there are no exports to look at")
def test_operators_of_real_exports_are_known():
    from apps.workflows.dsl.operators import find_operator

    unknown = set()
    for file in files():
        text = file.read_text(encoding="utf-8-sig")
        for name in re.findall(r"comparison_operator: *(.+)", text):
            if find_operator(name.strip().strip("'\"")) is None:
                unknown.add(name)
    assert unknown == set()
