"""Answers of the rollups as the browser draws them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.tracing.dashboards.spec import WidgetSpec
from apps.tracing.models import Chart
from apps.tracing.rollups import Answer, Question, Series, TimeRange
from apps.tracing.rollups.catalogue import METRICS, Metric
from apps.tracing.rollups.histogram import upper_bound

#: Charts over time; the others show the range as a whole.
OVER_TIME: Final = frozenset({Chart.LINE, Chart.STACKED})


@dataclass(frozen=True, slots=True)
class Axis:
    """Where points begin, and how long each is."""

    times: tuple[datetime, ...]
    step: timedelta


@dataclass(slots=True)
class Board:
    """Widgets as plain values, and the time axes that they name by their place."""

    axes: list[Axis] = field(default_factory=list)
    widgets: list[dict[str, Any]] = field(default_factory=list)

    def axis(self, answer: Answer) -> int:
        """The place of an answer's axis."""
        assert answer.step is not None  # noqa: S101  # asked for in points
        axis = Axis(tuple(answer.times), answer.step)
        if axis not in self.axes:
            self.axes.append(axis)
        return self.axes.index(axis)


def question_of(spec: WidgetSpec, span: TimeRange) -> Question:
    """What a widget asks about a range."""
    return Question(spec.query, span if spec.chart in OVER_TIME else span.whole())


def draw(specs: Sequence[WidgetSpec], answers: Sequence[Answer]) -> Board:
    """The widgets with their figures."""
    board = Board()
    for spec, answer in zip(specs, answers, strict=True):
        board.widgets.append(_widget(spec, answer, board))
    return board


def _widget(spec: WidgetSpec, answer: Answer, board: Board) -> dict[str, Any]:
    metrics = [METRICS[spec.query.view][name] for name in spec.query.metrics]
    drawn = {
        "title": spec.title,
        "chart": str(spec.chart),
        "width": spec.width,
        "height": spec.height,
        "unit": metrics[0].unit,
        "dimension": spec.query.dimension,
    }
    if spec.chart in OVER_TIME:
        drawn |= {"axis": board.axis(answer), "series": _over_time(spec, answer, metrics)}
    elif spec.chart == Chart.HISTOGRAM:
        drawn |= _histogram(answer, metrics[0])
    else:
        drawn |= {
            "metrics": [{"name": item.name, "title": str(item.title), "unit": item.unit} for item in metrics],
            "rows": [
                {
                    "value": item.value,
                    "name": _name(item),
                    "figures": [item.sums.value(m.name) for m in metrics],
                }
                for item in _rows(spec, answer)
            ],
        }
    return drawn


def _rows(spec: WidgetSpec, answer: Answer) -> list[Series]:
    """Values of a table or of bars: the others together would be longer than any of them."""
    return [item for item in answer.series if item.value] if spec.query.dimension else answer.series


def _over_time(spec: WidgetSpec, answer: Answer, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    if spec.query.dimension:
        metric = metrics[0]
        # the others together say nothing where figures don't add up
        shown = [item for item in answer.series if item.value or metric.adds]
        drawn: list[dict[str, Any]] = [
            {
                "name": _name(item),
                "value": item.value,
                "metric": metric.name,
                "tone": "" if item.value else "muted",
                "values": item.values(metric.name),
            }
            for item in shown
        ]
        return [series for series in drawn if any(value is not None for value in series["values"])]
    whole = answer.series[0]
    tones = {"succeeded": "ok", "errors": "error", "error_rate": "error"}
    return [
        {
            "name": str(metric.title),
            "value": "",
            "metric": metric.name,
            "tone": tones.get(metric.name, ""),
            "values": whole.values(metric.name),
        }
        for metric in metrics
    ]


def _name(series: Series) -> str:
    return series.value or _("others")


def _histogram(answer: Answer, metric: Metric) -> dict[str, Any]:
    """Counts by slot, between the first and the last that holds something."""
    sums = answer.total
    counts = list(sums.latency if metric.name.startswith("latency") else sums.ttft)
    filled = [slot for slot, count in enumerate(counts) if count]
    if not filled:
        return {"bars": []}
    slots = range(filled[0], filled[-1] + 1)
    return {
        "bars": [
            {"from": upper_bound(slot - 1) if slot else 0.0, "to": upper_bound(slot), "count": counts[slot]}
            for slot in slots
        ]
    }
