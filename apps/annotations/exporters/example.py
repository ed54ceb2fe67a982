"""What an exporter is given: one judged exchange, independent of any file format and of Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One dataset item.

    `messages` is the input in OpenAI's message shape (role, content, tool_calls …) up to and including the
    question; `expected` is the answer to learn and `rejected` the answer it replaces ("" when there is none).
    `id` names the item in reports of rejected rows.
    """

    id: str
    messages: Sequence[Mapping[str, Any]]
    expected: str
    rejected: str = ""
    tools: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
