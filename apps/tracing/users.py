"""The people an application serves, as it names them: who they are and what they used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from apps.core import permissions
from apps.core.models import User, Workspace
from apps.tracing.models import Grain, Trace, UserRollup

PAGE_SIZE: Final = 50
#: Longer ranges are read from the rows of whole days.
_HOURLY: Final = timedelta(hours=36)
_ORDERS: Final = {
    "cost": "-cost",
    "traces": "-traces",
    "tokens": "-tokens",
    "errors": "-errors",
    "name": "user_id",
}


@dataclass(frozen=True, slots=True)
class UserFigures:
    """What a user's traces of a range add up to; `errors` are failed steps, of which a trace may have several."""

    traces: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user in a list."""

    user_id: str
    figures: UserFigures


@dataclass(frozen=True, slots=True)
class UserList:
    """A page of users; `more` says that there is another."""

    rows: list[UserRow]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """What a user used in an hour or a day."""

    time: datetime
    figures: UserFigures


def list_users(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    start: datetime,
    end: datetime | None = None,
    text: str = "",
    order: str = "cost",
    page: int = 1,
    size: int = PAGE_SIZE,
) -> UserList:
    """Users of a range by cost, traces, tokens, errors or name, from the rollups: a few rows for each user and day."""
    found = _rows(user, workspace, start, end)
    if text:
        found = found.filter(user_id__icontains=text)
    field = _ORDERS.get(order, _ORDERS["cost"])
    sums = (
        found.values("user_id")
        .annotate(**_sums())
        .order_by(f"{field}_sum" if field != "user_id" else field, "user_id")
    )
    offset = (max(page, 1) - 1) * size
    rows = list(sums[offset : offset + size + 1])
    return UserList([UserRow(row["user_id"], _figures(row)) for row in rows[:size]], more=len(rows) > size)


def read_user(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    user_id: str,
    start: datetime,
    end: datetime | None = None,
) -> tuple[UserFigures, list[Point]]:
    """A user's sums, and the hours or days in which they did something, oldest first. One query."""
    found = _rows(user, workspace, start, end).filter(user_id=user_id)
    points = [
        Point(row["bucket"], _figures(row))
        for row in found.values("bucket").annotate(**_sums()).order_by("bucket")
    ]
    return _total(points), points


def is_known(*, user: User | AnonymousUser, workspace: Workspace, user_id: str) -> bool:
    """Whether there is any trace of a user that the person may see."""
    found = Trace.objects.in_workspace(workspace).visible_to(user)
    return bool(user_id) and found.filter(user_id=user_id).exclude(user_id="").exists()


def _total(points: Sequence[Point]) -> UserFigures:
    return UserFigures(
        traces=sum(point.figures.traces for point in points),
        errors=sum(point.figures.errors for point in points),
        tokens=sum(point.figures.tokens for point in points),
        cost=sum((point.figures.cost for point in points), Decimal(0)),
    )


def _rows(
    user: User | AnonymousUser, workspace: Workspace, start: datetime, end: datetime | None
) -> models.QuerySet[UserRollup]:
    """The rows of a range: of hours where it is short, else of days, the first one whole."""
    if not permissions.allows_in(user, "view", Trace, workspace):
        return UserRollup.objects.none()
    now = timezone.now()
    hourly = (end or now) - start <= _HOURLY
    first = start.replace(minute=0, second=0, microsecond=0)
    if not hourly:
        first = first.replace(hour=0)
    found = UserRollup.objects.filter(
        workspace=workspace, grain=Grain.HOUR if hourly else Grain.DAY, bucket__gte=first
    ).exclude(user_id="")
    return found if end is None else found.filter(bucket__lt=end)


def _sums() -> dict[str, models.Sum]:
    return {f"{name}_sum": models.Sum(name) for name in ("traces", "errors", "tokens", "cost")}


def _figures(row: Mapping[str, Any]) -> UserFigures:
    return UserFigures(
        int(row["traces_sum"]), int(row["errors_sum"]), int(row["tokens_sum"]), row["cost_sum"]
    )
