"""What a dashboard shows, from the rollups alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import connection

from apps.core.models import User, Workspace
from apps.core.permissions import allows_in
from apps.tracing.models import Grain, Measure, Trace
from apps.tracing.rollups.histogram import quantiles

SHARES: Final = (0.5, 0.9, 0.95, 0.99)
TOP: Final = 10
#: Points of a chart, at most about; more could not be told apart.
POINTS: Final = 60
#: The longest range that each grain is read for.
_GRAINS: Final = (
    (timedelta(hours=2), Grain.MINUTE),
    (timedelta(hours=36), Grain.HOUR),
    (timedelta(days=14), Grain.QUARTER),
)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DashboardFilter:
    """The range, and the environment that the dashboard is narrowed to ("": all)."""

    start: datetime
    end: datetime
    environment: str = ""

    @property
    def grain(self) -> Grain:
        """Rows of this length are read."""
        length = self.end - self.start
        return next((grain for limit, grain in _GRAINS if length <= limit), Grain.DAY)

    @property
    def step(self) -> timedelta:
        """Time of one point of a chart: whole rows."""
        rows = max((self.end - self.start) / timedelta(minutes=self.grain) / POINTS, 1)
        sizes = (1, 2, 3, 5, 6, 10, 12, 15, 20, 24, 30, 60)
        size = next((size for size in sizes if size >= rows - 0.05), round(rows))
        return timedelta(minutes=self.grain) * size

    def times(self) -> list[datetime]:
        """Where the points begin, oldest first."""
        step, first = self.step, _EPOCH + (self.start - _EPOCH) // self.step * self.step
        return [first + step * number for number in range((self.end - first) // step + 1)]


@dataclass(slots=True)
class Sums:
    """Sums of some rows, with the histogram that percentiles are read from."""

    count: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    slots: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, slot: int, count: int, errors: int, taken: int, given: int, cost: Decimal) -> None:
        """Add a row."""
        self.count += count
        self.errors += errors
        self.input_tokens += taken
        self.output_tokens += given
        self.cost += cost
        self.slots[slot] += count

    def percentiles(self) -> list[float | None]:
        """p50, p90, p95 and p99 in milliseconds."""
        return quantiles(self.slots, SHARES)

    @property
    def error_rate(self) -> float:
        """Share of failed ones, 0 to 1."""
        return self.errors / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the charts: traces, model calls (tokens, cost), their first token, cost by model."""

    time: datetime
    traces: Sums
    calls: Sums
    ttft: Sums
    cost_by_model: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Group:
    """A model, trace name or type with its sums."""

    value: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class UserFigures:
    """A user of the range."""

    user_id: str
    traces: int
    errors: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """The mean of a score in one step."""

    time: datetime
    name: str
    mean: float
    count: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All of a dashboard."""

    points: list[Point]
    traces: Sums
    calls: Sums
    ttft: Sums
    models: list[Group]
    names: list[Group]
    types: list[Group]
    users: list[UserFigures]
    scores: list[ScorePoint]
    environments: list[str]


_CELLS = """
SELECT {axis}, measure, {group} AS value, name <> '' AS is_root, slot,
    sum(count)::bigint, sum(errors)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cost)
FROM tracing_rollup
WHERE workspace_id = %(workspace)s AND grain = %(grain)s AND bucket >= %(start)s AND bucket < %(end)s
    AND (%(environment)s = '' OR environment = %(environment)s) {only}
GROUP BY 1, 2, 3, 4, 5
"""
_AXIS = "floor(extract(epoch FROM bucket - %(first)s) / %(step)s)::int"

_USERS = """
SELECT user_id, sum(traces)::bigint, sum(errors)::bigint, sum(tokens)::bigint, sum(cost) AS cost
FROM tracing_userrollup
WHERE workspace_id = %(workspace)s AND grain = %(grain)s AND bucket >= %(start)s AND bucket < %(end)s
GROUP BY user_id ORDER BY cost DESC, 2 DESC, user_id LIMIT %(limit)s
"""

_SCORES = """
SELECT floor(extract(epoch FROM created_at - %(first)s) / %(step)s)::int AS slot, name, avg(value), count(*)
FROM tracing_score
WHERE workspace_id = %(workspace)s AND created_at >= %(start)s AND created_at < %(end)s AND value IS NOT NULL
GROUP BY slot, name ORDER BY slot, name
"""

_ENVIRONMENTS = """
SELECT DISTINCT environment FROM tracing_rollup
WHERE workspace_id = %(workspace)s AND grain = 1440 AND bucket >= %(month)s AND environment <> ''
ORDER BY environment LIMIT 50
"""


def read_dashboard(
    filters: DashboardFilter, *, user: User | AnonymousUser, workspace: Workspace
) -> Dashboard | None:
    """The figures of a range; None for somebody who may not see the workspace's traces."""
    if not allows_in(user, "view", Trace, workspace):
        return None
    times = filters.times()
    values = {
        "workspace": workspace.pk,
        "grain": filters.grain.value,
        "start": times[0],
        "end": filters.end,
        "first": times[0],
        "step": filters.step.total_seconds(),
        "environment": filters.environment,
        "limit": TOP,
        "month": filters.end - timedelta(days=30),
    }
    cells = _read(_CELLS.format(axis=_AXIS, group="model", only=""), values)
    names = _read(_CELLS.format(axis="0", group="name", only="AND measure = 0 AND name <> ''"), values)
    types = _read(_CELLS.format(axis="0", group="type", only="AND measure = 0"), values)
    users = _read(_USERS, {**values, **_user_rows(filters, times[0])})
    return Dashboard(
        points=_points(times, cells),
        traces=_sum(row for row in cells if _is_trace(row)),
        calls=_sum(row for row in cells if _is_call(row)),
        ttft=_sum(row for row in cells if row[1] == Measure.TTFT),
        models=_groups(row for row in cells if _is_call(row)),
        names=_groups(row for row in names if _is_trace(row)),
        types=_groups(row for row in types if row[1] == Measure.LATENCY),
        users=[UserFigures(*row) for row in users],
        scores=[
            ScorePoint(times[slot], name, mean, number)
            for slot, name, mean, number in _read(_SCORES, values)
            if 0 <= slot < len(times)
        ],
        environments=[row[0] for row in _read(_ENVIRONMENTS, values)],
    )


def _user_rows(filters: DashboardFilter, first: datetime) -> dict[str, Any]:
    """Users are kept by the hour and by the day: there may be very many."""
    if filters.grain <= Grain.HOUR:
        return {"grain": Grain.HOUR.value, "start": first.replace(minute=0)}
    return {"grain": Grain.DAY.value, "start": first.replace(hour=0, minute=0)}


def _read(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _is_trace(row: Sequence[Any]) -> bool:
    return row[1] == Measure.LATENCY and bool(row[3])


def _is_call(row: Sequence[Any]) -> bool:
    """Whether it is a model call: grouped by model, it has one."""
    return row[1] == Measure.LATENCY and bool(row[2])


def _sum(rows: Iterable[Sequence[Any]]) -> Sums:
    sums = Sums()
    for row in rows:
        sums.add(*row[4:])
    return sums


def _groups(rows: Iterable[Sequence[Any]]) -> list[Group]:
    found: dict[str, Sums] = defaultdict(Sums)
    for row in rows:
        found[row[2]].add(*row[4:])
    found.pop("", None)
    groups = [Group(value, sums) for value, sums in found.items()]
    return sorted(groups, key=lambda group: (-group.sums.count, group.value))[:TOP]


def _points(times: Sequence[datetime], cells: Iterable[Sequence[Any]]) -> list[Point]:
    by_slot: dict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in cells:
        by_slot[row[0]].append(row)
    points = []
    for number, time in enumerate(times):
        rows = by_slot.get(number, [])
        costs: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            if _is_call(row) and row[-1]:
                costs[row[2]] += row[-1]
        points.append(
            Point(
                time,
                _sum(row for row in rows if _is_trace(row)),
                _sum(row for row in rows if _is_call(row)),
                _sum(row for row in rows if row[1] == Measure.TTFT),
                dict(costs),
            )
        )
    return points
