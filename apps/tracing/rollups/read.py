"""Answers of the rollups."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from operator import add
from typing import Any

from django.contrib.auth.models import AnonymousUser

from apps.core.models import User, Workspace
from apps.core.permissions import allows_in
from apps.tracing.models import Trace
from apps.tracing.rollups.catalogue import METRICS, SHARES
from apps.tracing.rollups.histogram import quantiles
from apps.tracing.rollups.query import MetricQuery, Question
from apps.tracing.rollups.statement import build, fetch, parts


@dataclass(slots=True)
class Sums:
    """Sums of some rows; `latency` and `ttft` are histograms, `whole` is what a share is a share of."""

    count: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    latency: Sequence[int] = ()
    ttft: Sequence[int] = ()
    total: float | None = None
    whole: int = 0

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Sums":
        """The sums of a row of a statement."""
        count, errors, taken, given, cost, latency, ttft, total, whole = row
        return cls(
            int(count or 0), int(errors or 0), int(taken or 0), int(given or 0), Decimal(cost or 0), latency or (),
            ttft or (), total, int(whole or 0),
        )  # fmt: skip

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.count + other.count, self.errors + other.errors, self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens, self.cost + other.cost, _merge(self.latency, other.latency),
            _merge(self.ttft, other.ttft),
            other.total if self.total is None else self.total + (other.total or 0.0), self.whole + other.whole,
        )  # fmt: skip

    def value(self, metric: str) -> float | None:
        """A metric of the catalogue; None where nothing was there to be measured."""
        name, _underscore, share = metric.rpartition("_")
        if share in SHARES:
            return quantiles(self.latency if name == "latency" else self.ttft, (SHARES[share],))[0]
        if metric == "error_rate":
            return self.errors / self.count if self.count else None
        if metric == "share":
            return self.count / self.whole if self.whole else None
        if metric == "mean":
            return self.total / self.count if self.count and self.total is not None else None
        if metric == "total_tokens":
            return self.input_tokens + self.output_tokens
        if metric == "succeeded":
            return self.count - self.errors
        return float(getattr(self, metric))


def _merge(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    if not one or not other:
        return one or other
    return list(map(add, one, other))


@dataclass(slots=True)
class Series:
    """The figures of one value of the dimension ("": all, or the others together)."""

    value: str
    points: list[Sums]
    sums: Sums = field(default_factory=Sums)

    def values(self, metric: str) -> list[float | None]:
        """The metric at each point."""
        return [point.value(metric) for point in self.points]


@dataclass(frozen=True, slots=True)
class Answer:
    """The series, those with the most first and the others last; `times` is where the points begin."""

    question: Question
    times: list[datetime]
    series: list[Series]

    @property
    def step(self) -> timedelta | None:
        """The length of a point."""
        return self.question.range.step

    @property
    def total(self) -> Sums:
        """All series together."""
        return sum((series.sums for series in self.series), Sums())


def read_metrics(
    questions: Sequence[Question], *, user: User | AnonymousUser, workspace: Workspace
) -> list[Answer] | None:
    """The answers, in order; None for somebody who may not see the workspace's traces.

    Questions that differ in their metrics only are asked of the database once.
    """
    if not allows_in(user, "view", Trace, workspace):
        return None
    return answer(questions, workspace)


def answer(questions: Sequence[Question], workspace: Workspace) -> list[Answer]:
    """`read_metrics` for the product itself."""
    shapes = _shapes(questions)
    metrics: dict[Question, set[str]] = defaultdict(set)
    for question, shape in zip(questions, shapes, strict=True):
        metrics[shape].update(question.query.metrics)
    found = {shape: _ask(shape, frozenset(asked), workspace) for shape, asked in metrics.items()}
    return [
        Answer(question, found[shape].times, found[shape].series)
        for question, shape in zip(questions, shapes, strict=True)
    ]


def _shapes(questions: Sequence[Question]) -> list[Question]:
    """What is asked of the database for each; one sum over a range that is also asked for in points is their sum."""
    shapes = [Question(question.query.shape(), question.range) for question in questions]
    in_points = {
        Question(shape.query, shape.range.whole()): shape for shape in shapes if shape.range.step is not None
    }
    return [in_points.get(shape, shape) for shape in shapes]


def _ask(question: Question, metrics: frozenset[str], workspace: Workspace) -> Answer:
    rows = [row for part in parts(question, metrics) for row in fetch(build(question, part, workspace.pk))]
    times = question.range.times()
    series: dict[str, Series] = {}
    for point, value, *sums in rows:
        if not 0 <= point < len(times):
            continue
        if value not in series:
            series[value] = Series(value, [Sums() for _ in times])
        series[value].points[point] += Sums.of(sums)
    if not question.query.dimension and not series:
        series[""] = Series("", [Sums() for _ in times])
    if question.query.dimension == "category":
        _share(list(series.values()))
    for item in series.values():
        item.sums = sum(item.points, Sums())
    return Answer(question, times, _ranked(question.query, list(series.values())))


def _share(series: Sequence[Series]) -> None:
    """Each category is a share of all of them."""
    for points in zip_longest(*(item.points for item in series)):
        whole = sum(point.count for point in points)
        for point in points:
            point.whole = whole


def _ranked(query: MetricQuery, series: list[Series]) -> list[Series]:
    """The most first, by what the database ranked by; the unnamed others last."""
    metric = query.metrics[0] if query.metrics else "count"
    if not METRICS[query.view][metric].adds:
        metric = "count"

    def order(item: Series) -> tuple[bool, float, str]:
        return (bool(query.dimension) and not item.value, -(item.sums.value(metric) or 0.0), item.value)

    return sorted(series, key=order)
