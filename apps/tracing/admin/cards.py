"""Figures of the start page, from the rollups."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.admin.dashboard import Card
from apps.tracing.models import MetricView
from apps.tracing.rollups import MetricQuery, Question, TimeRange, read_metrics
from apps.tracing.templatetags.tracing import cost, duration

_HIGH_ERROR_RATE: Final = 0.05
_FIGURES: Final = MetricQuery(MetricView.TRACES, ("count", "errors", "latency_p50", "latency_p90", "cost"))
_WEEK: Final = MetricQuery(MetricView.TRACES, ("count", "cost"))


def trace_cards(request: HttpRequest) -> list[Card] | None:
    """Traces, latency and errors of the last day, cost of the last week."""
    now = timezone.now()
    # the hour and the day that are not over yet count as one
    day = TimeRange.of(now - timedelta(hours=23), now, now=now, step=timedelta(hours=1))
    week = TimeRange.of(now - timedelta(days=6), now, now=now, step=timedelta(days=1))
    questions = [Question(_FIGURES, day), Question(_WEEK, week)]
    answers = read_metrics(questions, user=request.user, workspace=request.workspace)  # type: ignore[attr-defined]  # WorkspaceMiddleware
    if answers is None:
        return None
    hours, days = answers[0].series[0], answers[1].series[0]
    figures, url = hours.sums, reverse("admin:tracing_traces")
    error_rate = figures.value("error_rate") or 0.0
    return [
        Card(
            title=_("Traces, last 24 hours"),
            value=f"{figures.count:,}",
            hint=_("%(count)s in 7 days") % {"count": f"{days.sums.count:,}"},
            url=f"{url}?range=24h",
            series=[point.count for point in hours.points],
        ),
        Card(
            title=_("Cost, last 7 days"),
            value=cost(days.sums.cost),
            hint=_("%(cost)s in the last 24 hours") % {"cost": cost(figures.cost)},
            url=f"{url}?range=7d",
            series=[float(point.cost) for point in days.points],
        ),
        Card(
            title=_("Latency, last 24 hours"),
            value=duration(figures.value("latency_p50")) or "–",
            hint=_("median; 9 of 10 within %(limit)s")
            % {"limit": duration(figures.value("latency_p90")) or "–"},
            url=f"{url}?range=24h",
            series=[point.value("latency_p50") or 0.0 for point in hours.points],
        ),
        Card(
            title=_("Error rate, last 24 hours"),
            value=f"{error_rate:.1%}",
            hint=_("%(count)s failed") % {"count": f"{figures.errors:,}"},
            url=f"{url}?range=24h&status=error",
            series=[point.errors for point in hours.points],
            tone="error" if error_rate > _HIGH_ERROR_RATE else "",
        ),
    ]
