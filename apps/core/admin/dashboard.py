"""The start page, filled by every app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Card:
    """A figure: `series` (oldest first) is drawn as a small line, `tone` is "", "ok", "warn" or "error"."""

    title: Text
    value: str
    hint: Text = ""
    url: str = ""
    series: Sequence[float] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the getting-started list; `done` comes from a real query."""

    title: Text
    hint: Text
    url: str
    done: bool


CardSource = Callable[[HttpRequest], Card | Sequence[Card] | None]
StepSource = Callable[[HttpRequest], Step | None]

_cards: list[tuple[int, CardSource]] = []
_steps: list[tuple[int, StepSource]] = []


def register_card(order: int, source: CardSource) -> None:
    """Add one or more cards; `source(request)` may return None for people who may not see them."""
    if (order, source) not in _cards:
        _cards.append((order, source))


def register_step(order: int, source: StepSource) -> None:
    """Add a step of the getting-started list."""
    if (order, source) not in _steps:
        _steps.append((order, source))


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add cards and steps to the index page's context."""
    if not getattr(request, "workspace", None):
        return {**context, "cards": [], "steps": []}
    steps = [step for _order, source in sorted(_steps, key=_by_order) if (step := source(request))]
    return {
        **context,
        "cards": list(_collect(request)),
        "steps": steps,
        "all_done": all(s.done for s in steps),
    }


def _collect(request: HttpRequest) -> Sequence[Card]:
    found: list[Card] = []
    for _order, source in sorted(_cards, key=_by_order):
        result = source(request)
        if isinstance(result, Card):
            found.append(result)
        elif result is not None:
            found.extend(result)
    return found


def _by_order(entry: tuple[int, Any]) -> int:
    return entry[0]
