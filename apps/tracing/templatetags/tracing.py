"""How tracing writes numbers: the same in templates, cards and (in JavaScript) on the trace page."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import template

register = template.Library()

_SECOND = 1_000
_MINUTE = 60 * _SECOND


@register.filter
def duration(milliseconds: float | None) -> str:
    """850 ms, 3.21 s, 4 min 12 s."""
    if milliseconds is None:
        return ""
    if milliseconds < 1:
        return f"{milliseconds:.2f} ms"
    if milliseconds < _SECOND:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.2f} s"
    minutes, seconds = divmod(round(milliseconds / _SECOND), 60)
    return f"{minutes:,} min {seconds} s"


@register.filter
def cost(amount: Decimal | float | None) -> str:
    """US dollars with as many decimals as small amounts need: $12.40, $0.0032."""
    if amount is None:
        return ""
    value = float(amount)
    if value == 0:
        return "$0"
    if value < 0.000001:
        return "<$0.000001"
    if value < 1:
        return f"${value:.6f}".rstrip("0")
    return f"${value:,.2f}"


@register.filter
def count(number: int | None) -> str:
    """12,345."""
    return "" if number is None else f"{number:,}"


_WRITERS: dict[str, Callable[[Any], str]] = {"milliseconds": duration, "money": cost, "count": count}


@register.filter
def figure(amount: Decimal | float | None, unit: str) -> str:
    """A figure in its unit: milliseconds, money or count."""
    return _WRITERS[unit](amount)


@register.filter
def change(amount: Any, unit: str) -> str:
    """A difference with its sign: +320 ms, −$0.0021."""
    if amount is None:
        return ""
    return f"{'−' if amount < 0 else '+'}{figure(abs(amount), unit)}"


@register.filter
def percent_change(share: float) -> str:
    """+12 %, −3.4 %."""
    return f"{'−' if share < 0 else '+'}{abs(share):,.{0 if abs(share) >= 10 else 1}f} %"


@register.filter
def depth_class(depth: int) -> int:
    """How far a step is moved in: four levels can be told apart."""
    return min(depth, 4)


@register.filter
def source_label(source_type: str) -> str:
    """ "agents.message" → "message"."""
    return source_type.rpartition(".")[2].replace("_", " ")


@register.simple_tag
def score_tone(score: Any) -> str:
    """The badge of a score: green and red for yes and no, neutral for the rest."""
    if score.data_type != "boolean":
        return "muted"
    return "ok" if score.value else "error"
