"""What can be asked of the rollups: metrics, and what they can be grouped and filtered by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tracing.models import Level, MetricView

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure. `unit` is count, percent, cost, duration (milliseconds) or number; `adds` says that parts add up."""

    name: str
    title: Text
    unit: str
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that figures can be told apart by: a column of the rollups, of rows with this `owner`."""

    name: str
    title: Text
    column: str
    owner: str = ""


#: Shares of the values that lie below a percentile.
SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_COUNTS: Final = (
    Metric("count", _("Count"), "count", adds=True),
    Metric("succeeded", _("Without error"), "count", adds=True),
    Metric("errors", _("Failed"), "count", adds=True),
    Metric("error_rate", _("Error rate"), "percent"),
    Metric("input_tokens", _("Input tokens"), "count", adds=True),
    Metric("output_tokens", _("Output tokens"), "count", adds=True),
    Metric("total_tokens", _("Tokens"), "count", adds=True),
    Metric("cost", _("Cost"), "cost", adds=True),
    Metric("latency_p50", _("Latency p50"), "duration"),
    Metric("latency_p90", _("Latency p90"), "duration"),
    Metric("latency_p95", _("Latency p95"), "duration"),
    Metric("latency_p99", _("Latency p99"), "duration"),
    Metric("ttft_p50", _("First token p50"), "duration"),
    Metric("ttft_p90", _("First token p90"), "duration"),
    Metric("ttft_p95", _("First token p95"), "duration"),
    Metric("ttft_p99", _("First token p99"), "duration"),
)
_OF_SCORES: Final = (
    Metric("count", _("Count"), "count", adds=True),
    Metric("mean", _("Mean"), "number"),
    Metric("share", _("Share of the category"), "percent"),
)
#: Users and sessions are too many for more.
METRICS_OF_PEOPLE: Final = frozenset({"count", "total_tokens", "cost"})

#: The name and the version as one text: a version says nothing without its prompt.
_PROMPT_VERSION: Final = "(CASE WHEN prompt_name = '' THEN '' ELSE prompt_name || '@' || prompt_version END)"

#: The dimension of which a trace may have several values: it counts under each.
TAG: Final = "tag"

_SHARED: Final = (
    Dimension("environment", _("Environment"), "environment"),
    Dimension("name", _("Trace"), "name"),
    Dimension("agent", _("Agent"), "name", "agent"),
    Dimension("workflow", _("Workflow"), "name", "workflow"),
)
_OF_STEPS: Final = (
    Dimension("type", _("Type"), "type"),
    Dimension("model", _("Model"), "model"),
    *_SHARED,
    Dimension("prompt", _("Prompt"), "prompt_name"),
    Dimension("prompt_version", _("Prompt version"), _PROMPT_VERSION),
    Dimension(TAG, _("Tag"), "tag"),
)
_PEOPLE: Final = (
    Dimension("user", _("User"), "user_id"),
    Dimension("session", _("Session"), "session_id"),
)


def _named(items: Sequence[Metric]) -> Mapping[str, Metric]:
    return {item.name: item for item in items}


METRICS: Final[Mapping[str, Mapping[str, Metric]]] = {
    MetricView.TRACES: _named(_COUNTS),
    MetricView.OBSERVATIONS: _named(_COUNTS),
    MetricView.SCORES: _named(_OF_SCORES),
}
DIMENSIONS: Final[Mapping[str, Mapping[str, Dimension]]] = {
    MetricView.TRACES: {item.name: item for item in (*_OF_STEPS, *_PEOPLE)},
    MetricView.OBSERVATIONS: {item.name: item for item in _OF_STEPS},
    MetricView.SCORES: {
        item.name: item
        for item in (
            Dimension("score", _("Score"), "score"),
            Dimension("category", _("Category"), "category"),
            Dimension("source", _("Source"), "source"),
            *_SHARED,
        )
    },
}
#: Dimensions with a table of their own, and where.
PEOPLE: Final = {"user": "tracing_userrollup", "session": "tracing_sessionrollup"}
#: What the rows of the levels know that do not know all; those of tags, the coarsest first.
BASE: Final = frozenset({"type", "model", "environment"})
WITH_TAGS: Final = {
    Level.NARROW: frozenset({"environment"}),
    Level.TYPED: frozenset({"type", "environment"}),
    Level.BASE: BASE,
    Level.TRACE: frozenset({"name", "agent", "workflow", "prompt", "prompt_version", "environment"}),
}
OPERATORS: Final[Mapping[str, Text]] = {
    "is": _("is"),
    "not": _("is not"),
    "in": _("is one of (a, b)"),
    "contains": _("contains"),
}


def all_dimensions() -> dict[str, Dimension]:
    """Every dimension by name, whatever it can be asked of."""
    return {name: item for found in DIMENSIONS.values() for name, item in found.items()}


def all_metrics() -> dict[str, Metric]:
    """Every metric by name, whatever it can be asked of."""
    return {name: item for found in METRICS.values() for name, item in found.items()}
