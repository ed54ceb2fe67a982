"""Charts and tables over the rollups."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.tracing.admin.forms import CUSTOM_RANGE, DEFAULT_RANGE, RangeForm
from apps.tracing.rollups import Dashboard, DashboardFilter, Group, Point, read_dashboard

#: Models that have a colour of their own in the cost chart.
MAX_SERIES = 5


class AnalyticsPage(ConsolePage):
    """Cost, tokens, latency, errors and scores of a time range; charts and tables lead to the lists."""

    title = _("Analytics")
    template_name = "tracing/analytics.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures of the chosen range."""
        form = RangeForm({"range": DEFAULT_RANGE, **request.GET.dict()})
        start, end = form.bounds()
        now = timezone.now()
        end = min(end or now, now)
        environment = request.GET.get("environment", "").replace("\0", "")
        filters = DashboardFilter(_start(start, end), end, environment)
        dashboard = read_dashboard(filters, user=request.user, workspace=self.workspace)
        if dashboard is None:
            raise PermissionDenied
        narrowed = [("environment", environment)] if environment else []
        span = _range(request.GET, filters)
        return {
            "form": form,
            "custom": CUSTOM_RANGE,
            "environment": environment,
            "environments": dashboard.environments,
            "dashboard": dashboard,
            "latency": dashboard.traces.percentiles(),
            "first_token": dashboard.ttft.percentiles(),
            "models": _rows(dashboard.models, "admin:tracing_observations", "model:is:", span, narrowed),
            "names": _rows(dashboard.names, "admin:tracing_traces", "name:is:", span, narrowed),
            "types": _rows(dashboard.types, "admin:tracing_observations", "type:is:", span, narrowed),
            "users": [
                {
                    "row": row,
                    "url": _list_url("admin:tracing_traces", [*span, ("f", f"user_id:is:{row.user_id}")]),
                }
                for row in dashboard.users
            ],
            "data": {
                "times": [point.time.isoformat() for point in dashboard.points],
                "links": [_slot_url(point, filters, narrowed) for point in dashboard.points],
                "charts": _charts(dashboard),
            },
        }


def _start(start: datetime | None, end: datetime) -> datetime:
    """The start of the range; one that lies after its end shows the last day."""
    return start if start is not None and start < end else end - timedelta(days=1)


def _local(moment: datetime) -> str:
    """A time as the fields of the lists take it."""
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


def _range(query: Any, filters: DashboardFilter) -> list[tuple[str, str]]:
    """The range of this page, for the address of a list."""
    chosen = query.get("range", DEFAULT_RANGE)
    if chosen != CUSTOM_RANGE:
        return [("range", chosen)]
    return [("range", CUSTOM_RANGE), ("start", _local(filters.start)), ("end", _local(filters.end))]


def _list_url(page: str, pairs: list[tuple[str, str]]) -> str:
    return f"{reverse(page)}?{urlencode(pairs)}"


def _slot_url(point: Point, filters: DashboardFilter, narrowed: list[tuple[str, str]]) -> str:
    pairs = [
        ("range", CUSTOM_RANGE),
        ("start", _local(point.time)),
        ("end", _local(point.time + filters.step)),
    ]
    return _list_url("admin:tracing_traces", [*pairs, *narrowed])


def _rows(
    groups: list[Group],
    page: str,
    condition: str,
    span: list[tuple[str, str]],
    narrowed: list[tuple[str, str]],
) -> list[dict[str, Any]]:
    return [
        {
            "value": group.value,
            "sums": group.sums,
            "percentiles": group.sums.percentiles(),
            "url": _list_url(page, [*span, *narrowed, ("f", condition + group.value)]),
        }
        for group in groups
    ]


def _charts(dashboard: Dashboard) -> list[dict[str, Any]]:
    """The charts in order: kind, title, unit and series."""
    points = dashboard.points
    latency = [point.traces.percentiles() for point in points]
    first = [point.ttft.percentiles() for point in points]
    shares = ("p50", "p90", "p95", "p99")
    charts = [
        _chart("bars", _t("Traces"), "count", [
            (_t("without error"), [point.traces.count - point.traces.errors for point in points], "ok"),
            (_t("failed"), [point.traces.errors for point in points], "error"),
        ]),
        _chart("lines", _t("Latency of traces"), "duration", [
            (name, [row[at] for row in latency], "") for at, name in enumerate(shares)
        ]),
        _chart("bars", _t("Cost by model"), "cost", _cost_series(dashboard)),
        _chart("bars", _t("Tokens of model calls"), "count", [
            (_t("input"), [point.calls.input_tokens for point in points], ""),
            (_t("output"), [point.calls.output_tokens for point in points], ""),
        ]),
        _chart("lines", _t("Time to first token"), "duration", [
            (name, [row[at] for row in first], "") for at, name in enumerate(shares)
        ]),
        _chart("lines", _t("Error rate"), "percent", [
            (_t("traces"), [_rate(point.traces) for point in points], "error"),
            (_t("model calls"), [_rate(point.calls) for point in points], ""),
        ]),
    ]  # fmt: skip
    if dashboard.scores:
        charts.append(_chart("lines", _t("Mean of scores"), "number", _score_series(dashboard)))
    return charts


def _chart(kind: str, title: str, unit: str, series: list[tuple[str, list[Any], str]]) -> dict[str, Any]:
    shown = [{"name": name, "values": values, "tone": tone} for name, values, tone in series]
    return {"kind": kind, "title": title, "unit": unit, "series": shown}


def _rate(sums: Any) -> float | None:
    return sums.error_rate if sums.count else None


def _cost_series(dashboard: Dashboard) -> list[tuple[str, list[Any], str]]:
    """The dearest models, and the others together."""
    dear = sorted(
        (group for group in dashboard.models if group.sums.cost), key=lambda group: -group.sums.cost
    )
    names = [group.value for group in dear[:MAX_SERIES]]
    series: list[tuple[str, list[Any], str]] = [
        (name, [float(point.cost_by_model.get(name, 0)) for point in dashboard.points], "") for name in names
    ]
    others = [
        float(sum(amount for model, amount in point.cost_by_model.items() if model not in names))
        for point in dashboard.points
    ]
    return [*series, (_t("others"), others, "muted")] if any(others) else series


def _score_series(dashboard: Dashboard) -> list[tuple[str, list[Any], str]]:
    names = sorted({score.name for score in dashboard.scores})[:MAX_SERIES]
    means = {(score.time, score.name): score.mean for score in dashboard.scores}
    return [(name, [means.get((point.time, name)) for point in dashboard.points], "") for name in names]
