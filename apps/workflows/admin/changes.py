"""Differences between documents in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.workflows.dsl import Change

_ICONS = {"added": "add_circle", "removed": "do_not_disturb_on", "changed": "edit", "moved": "open_with"}
_SUBJECTS = {
    "document": gettext_lazy("Workflow"),
    "node": gettext_lazy("Node"),
    "edge": gettext_lazy("Edge"),
    "environment": gettext_lazy("Environment variable"),
    "conversation": gettext_lazy("Conversation variable"),
}
_KINDS = {
    "added": gettext_lazy("added"),
    "removed": gettext_lazy("removed"),
    "changed": gettext_lazy("changed"),
    "moved": gettext_lazy("moved"),
}
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change as the page lists it; `old` and `new` are short texts, "" for whole objects."""

    kind: str
    icon: str
    title: str
    place: str
    old: str
    new: str


def shown_changes(changes: Iterable[Change]) -> list[ShownChange]:
    """Changes as the page lists them, without moves on the canvas."""
    return [_shown(change) for change in changes if not change.layout]


def _shown(change: Change) -> ShownChange:
    whole = not change.path
    return ShownChange(
        kind=change.kind,
        icon=_ICONS[change.kind],
        title=_("%(subject)s %(id)s %(kind)s")
        % {"subject": _SUBJECTS[change.subject], "id": change.id, "kind": _KINDS[change.kind]},
        place=change.path,
        old="" if whole else _short(change.old),
        new="" if whole else _short(change.new),
    )


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
