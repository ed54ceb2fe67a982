"""Workflows to begin with: the documents that the starter workspace is filled from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

STARTER = Path(__file__).resolve().parent.parent / "starter"


@dataclass(frozen=True, slots=True)
class Template:
    """A document that a new workflow may begin with."""

    key: str
    name: str
    description: str
    icon: str
    kind: str
    text: str


@cache
def templates() -> tuple[Template, ...]:
    """All templates, by name."""
    found = [_read(path) for path in sorted(STARTER.glob("*.y*ml"))]
    return tuple(sorted(found, key=lambda template: template.name))


def find_template(key: str) -> Template | None:
    """The template with this key, or None."""
    return next((template for template in templates() if template.key == key), None)


def _read(path: Path) -> Template:
    text = path.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    return Template(
        key=path.stem,
        name=str(document.get("name") or path.stem),
        description=str(document.get("description") or ""),
        icon=str(document.get("icon") or "account_tree"),
        kind=str(document.get("kind") or "workflow"),
        text=text,
    )
