"""The page of figures that every workspace has; copies of it can be changed."""

from typing import Final

from django.utils.translation import gettext as _

from apps.tracing.dashboards.spec import DashboardSpec, WidgetSpec
from apps.tracing.models import Chart, MetricView
from apps.tracing.rollups import MetricFilter, MetricQuery

_CALLS: Final = (MetricFilter("type", "is", "generation"),)
_LATENCIES: Final = ("latency_p50", "latency_p90", "latency_p95", "latency_p99")
_FIRST_TOKENS: Final = ("ttft_p50", "ttft_p90", "ttft_p95", "ttft_p99")


def _traces(*metrics: str, by: str = "", limit: int = 10) -> MetricQuery:
    return MetricQuery(MetricView.TRACES, metrics, by, limit=limit)


def _calls(*metrics: str) -> MetricQuery:
    return MetricQuery(MetricView.OBSERVATIONS, metrics, filters=_CALLS)


def _steps(*metrics: str, by: str, limit: int = 10) -> MetricQuery:
    return MetricQuery(MetricView.OBSERVATIONS, metrics, by, limit=limit)


def built_in() -> DashboardSpec:
    """The dashboard in the current language. Widgets share questions where they can."""
    costs = MetricQuery(
        MetricView.OBSERVATIONS, ("cost", "count", "errors", "latency_p50", "latency_p95"), "model", _CALLS, 8
    )
    scores = MetricQuery(MetricView.SCORES, ("mean",), "score", limit=5)
    numbers = (
        WidgetSpec(_("Traces"), Chart.NUMBER, _traces("count", "errors"), 3, 1),
        WidgetSpec(_("Error rate of traces"), Chart.NUMBER, _traces("error_rate"), 3, 1),
        WidgetSpec(_("Latency of traces"), Chart.NUMBER, _traces("latency_p50", "latency_p95"), 3, 1),
        WidgetSpec(_("Time to first token"), Chart.NUMBER, _calls("ttft_p50", "ttft_p95"), 3, 1),
        WidgetSpec(_("Model calls"), Chart.NUMBER, _calls("count", "errors"), 4, 1),
        WidgetSpec(
            _("Tokens of model calls"),
            Chart.NUMBER,
            _calls("total_tokens", "input_tokens", "output_tokens"),
            4,
            1,
        ),
        WidgetSpec(_("Cost"), Chart.NUMBER, _calls("cost"), 4, 1),
    )
    cost_by_model = MetricQuery(MetricView.OBSERVATIONS, ("cost",), "model", _CALLS, 8)
    charts = (
        WidgetSpec(_("Traces"), Chart.STACKED, _traces("succeeded", "errors")),
        WidgetSpec(_("Latency of traces"), Chart.LINE, _traces(*_LATENCIES)),
        WidgetSpec(_("Cost by model"), Chart.STACKED, cost_by_model),
        WidgetSpec(_("Tokens of model calls"), Chart.STACKED, _calls("input_tokens", "output_tokens")),
        WidgetSpec(_("Time to first token"), Chart.LINE, _calls(*_FIRST_TOKENS)),
        WidgetSpec(_("Error rate of traces"), Chart.LINE, _traces("error_rate")),
        WidgetSpec(_("Mean of scores"), Chart.LINE, scores),
        WidgetSpec(_("Distribution of the latency of traces"), Chart.HISTOGRAM, _traces("latency_p50")),
    )
    figures = ("count", "errors", "latency_p50", "latency_p95")
    tables = (
        WidgetSpec(_("Models"), Chart.TABLE, costs),
        WidgetSpec(_("Traces by name"), Chart.TABLE, _traces(*figures, by="name")),
        WidgetSpec(_("Agents"), Chart.TABLE, _traces(*figures, "cost", by="agent")),
        WidgetSpec(_("Workflows"), Chart.TABLE, _traces(*figures, "cost", by="workflow")),
        WidgetSpec(_("Prompt versions"), Chart.TABLE, _steps(*figures, "cost", by="prompt_version")),
        WidgetSpec(_("Steps by type"), Chart.TABLE, _steps(*figures, by="type", limit=13)),
        WidgetSpec(_("Users by cost"), Chart.TABLE, _traces("cost", "count", "total_tokens", by="user")),
        WidgetSpec(_("Environments"), Chart.TABLE, _traces(*figures, "cost", by="environment")),
        WidgetSpec(_("Tags"), Chart.TABLE, _traces(*figures, "cost", by="tag")),
    )
    return DashboardSpec(_("Analytics"), "", shared=True, widgets=(*numbers, *charts, *tables))
