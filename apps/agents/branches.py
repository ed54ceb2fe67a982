"""The tree of a conversation's messages: which path is shown, which branches lie beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.agents.models import Message


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of the shown path and its siblings (itself included), oldest first."""

    message: Message
    siblings: Sequence[Message]

    @property
    def position(self) -> int:
        """Place among the siblings, from 1."""
        return next(i for i, m in enumerate(self.siblings, 1) if m.pk == self.message.pk)


def shown_path(messages: Iterable[Message]) -> list[Shown]:
    """Walk from the first question along the active branches. messages: all of one conversation."""
    children: dict[UUID | None, list[Message]] = {}
    for message in sorted(messages, key=lambda m: m.pk):
        children.setdefault(message.parent_id, []).append(message)
    path: list[Shown] = []
    parent: UUID | None = None
    while siblings := children.get(parent):
        shown = next((m for m in siblings if m.active), siblings[-1])
        path.append(Shown(shown, siblings))
        parent = shown.pk
    return path


def path_to(messages: Iterable[Message], last: Message) -> list[Message]:
    """The messages from the first question to `last`, both included."""
    by_id = {message.pk: message for message in messages}
    path: list[Message] = []
    at: Message | None = last
    while at is not None:
        path.append(at)
        at = by_id.get(at.parent_id) if at.parent_id else None
    return path[::-1]
