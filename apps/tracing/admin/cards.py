"""Figures of the start page, from the trace summaries."""

from datetime import timedelta

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.admin.dashboard import Card
from apps.core.models import Workspace
from apps.tracing import selectors
from apps.tracing.templatetags.tracing import cost, duration

_HIGH_ERROR_RATE = 0.05


def trace_cards(request: HttpRequest) -> list[Card]:
    """Traces, latency and errors of the last day, cost of the last week."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    now = timezone.now()
    day = selectors.figures(workspace, now - timedelta(days=1), now)
    hours = selectors.series(workspace, now - timedelta(days=1), now, 24)
    days = selectors.series(workspace, now - timedelta(days=7), now, 7)
    week_count, week_cost = sum(point.count for point in days), sum(point.cost for point in days)
    url = reverse("admin:tracing_traces")
    p50 = duration(day.p50_ms) if day.count else "–"
    p90 = duration(day.p90_ms) if day.count else "–"
    return [
        Card(
            title=_("Traces, last 24 hours"),
            value=f"{day.count:,}",
            hint=_("%(count)s in 7 days") % {"count": f"{week_count:,}"},
            url=f"{url}?range=24h",
            series=[point.count for point in hours],
        ),
        Card(
            title=_("Cost, last 7 days"),
            value=cost(week_cost),
            hint=_("%(cost)s in the last 24 hours") % {"cost": cost(day.cost)},
            url=f"{url}?range=7d",
            series=[float(point.cost) for point in days],
        ),
        Card(
            title=_("Latency, last 24 hours"),
            value=p50,
            hint=_("median; 9 of 10 within %(limit)s") % {"limit": p90},
            url=f"{url}?range=24h",
            series=[point.mean_ms for point in hours],
        ),
        Card(
            title=_("Error rate, last 24 hours"),
            value=f"{day.error_rate:.1%}",
            hint=_("%(count)s failed") % {"count": f"{day.failed:,}"},
            url=f"{url}?range=24h&status=error",
            series=[point.failed for point in hours],
            tone="error" if day.error_rate > _HIGH_ERROR_RATE else "",
        ),
    ]
