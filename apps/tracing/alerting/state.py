"""The states of an alert, without a database: what one look at the figure makes of it.

ok → pending (the bound is passed, not often enough yet) → firing → ok ("resolved"); no_data where that is told.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from apps.tracing.models import AlertState, EventKind, NoData, Operator

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}
#: States that people are told of.
TOLD: Final = frozenset({AlertState.FIRING, AlertState.NO_DATA})


@dataclass(frozen=True, slots=True)
class Rule:
    """When it fires: the comparison, `evaluations` in a row; what no data means; when people are told again."""

    operator: str
    threshold: float
    evaluations: int = 1
    no_data: str = NoData.KEEP
    renotify: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands: how often in a row the bound was passed, since when it is in its state, when people were told."""

    state: str
    breaches: int
    since: datetime
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The status after a look, what happened, and whether that is written down without telling anybody."""

    status: Status
    event: EventKind | None = None
    silent: bool = False


def advance(status: Status, value: float | None, rule: Rule, now: datetime, *, muted: bool = False) -> Step:
    """The status after a look at the figure; `value` None: there was no data."""
    if value is None and rule.no_data == NoData.KEEP:
        return Step(status)
    if value is None and rule.no_data == NoData.ALERT:
        return _enter(replace(status, breaches=0), AlertState.NO_DATA, rule, now, muted=muted)
    if value is None or not _COMPARE[rule.operator](value, rule.threshold):
        return _calm(status, now, muted=muted)
    breached = replace(status, breaches=min(status.breaches + 1, rule.evaluations))
    if status.state == AlertState.FIRING or breached.breaches >= rule.evaluations:
        return _enter(breached, AlertState.FIRING, rule, now, muted=muted)
    if status.state == AlertState.PENDING:
        return Step(breached)
    return Step(replace(breached, state=AlertState.PENDING, since=now))


def _calm(status: Status, now: datetime, *, muted: bool) -> Step:
    """Within the bound. Who was told of the trouble is told of its end."""
    calm = replace(status, breaches=0)
    if status.state == AlertState.OK:
        return Step(calm)
    calm = replace(calm, state=AlertState.OK, since=now, told_at=None)
    if status.state not in TOLD and status.told_at is None:
        return Step(calm)
    return Step(calm, EventKind.RESOLVED, silent=muted or status.told_at is None)


def _enter(status: Status, state: AlertState, rule: Rule, now: datetime, *, muted: bool) -> Step:
    """Firing, or without data: people are told once, then as often as they asked for; muted ones when that is over."""
    kind = EventKind.FIRING if state == AlertState.FIRING else EventKind.NO_DATA
    told_at = status.told_at if muted else now
    if status.state != state:
        return Step(replace(status, state=state, since=now, told_at=told_at), kind, silent=muted)
    if muted or not _due(status, rule, now):
        return Step(status)
    again = EventKind.STILL_FIRING if state == AlertState.FIRING else EventKind.NO_DATA
    return Step(replace(status, told_at=now), again)


def _due(status: Status, rule: Rule, now: datetime) -> bool:
    if status.told_at is None:
        return True
    return rule.renotify is not None and now - status.told_at >= rule.renotify
