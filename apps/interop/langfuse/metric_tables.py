"""What can be counted for clients that ask for metrics: tables, their dimensions and their measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Aggregate, Avg, Count, F, FloatField, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.expressions import Combinable, Star
from django.db.models.functions import Cast, Coalesce, Extract, NullIf

from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.interop.base import Caller
from apps.interop.langfuse.filters import conditions_of
from apps.interop.langfuse.score_list import conditions_on_scores
from apps.tracing.models import Observation, Score, ScoreDataType, Trace

_MS: Final = 1000.0
_TOKENS: Final = Coalesce(F("input_tokens"), 0) + Coalesce(F("output_tokens"), 0)
#: Milliseconds of a step.
_LATENCY: Final = Extract(F("end_time") - F("start_time"), "epoch", output_field=FloatField()) * _MS
_SECONDS: Final = NullIf(_LATENCY / _MS, Value(0.0))
_KINDS: Final = {
    "scores-numeric": (ScoreDataType.NUMERIC, ScoreDataType.BOOLEAN),
    "scores-boolean": (ScoreDataType.BOOLEAN,),
    "scores-categorical": (ScoreDataType.CATEGORICAL,),
}


class Percentile(Aggregate):
    """The value below which a share of the values lies, between two of them where none is there exactly."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: Any, share: float) -> None:
        super().__init__(Cast(expression, FloatField()), share=share, output_field=FloatField())


#: Ways to add up a measure.
AGGREGATIONS: Final[Mapping[str, Any]] = {
    "count": Count, "sum": Sum, "avg": Avg, "min": Min, "max": Max,
    **{f"p{share}": lambda measure, share=share: Percentile(measure, share / 100) for share in (50, 75, 90, 95, 99)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricTable:
    """A view of the API: rows with a time, dimensions to tell them apart and measures to add up, by clients' names."""

    name: str
    moment: str
    dimensions: Mapping[str, Combinable]
    measures: Mapping[str, Combinable]

    def rows(self, user: Caller, workspace: Workspace, filters: list[Any]) -> QuerySet[Any]:
        """What `user` may see of it under all filters; raises Invalid for one that can't be met exactly."""
        if self.name in _KINDS:
            scores = Score.objects.in_workspace(workspace).visible_to(user)
            conditions = [Q(data_type__in=_KINDS[self.name]), *conditions_on_scores(filters)]
            return scores.filter(*conditions)
        if self.name == "traces":
            traces = Trace.objects.in_workspace(workspace).visible_to(user)
            return traces.filter(*conditions_of(filters, "traces"))
        steps = Observation.objects.in_workspace(workspace).visible_to(user).with_duration()
        return steps.filter(*conditions_of(filters, "observations"))

    def dimension(self, name: str) -> Combinable:
        """A column to group by; raises Invalid."""
        if name not in self.dimensions:
            raise Invalid(
                f"{self.name} has these dimensions, and none named {name[:60]!r}: {_list(self.dimensions)}."
            )
        return self.dimensions[name]

    def measure(self, name: str, aggregation: str) -> Aggregate:
        """A measure added up; raises Invalid."""
        if name not in self.measures:
            raise Invalid(
                f"{self.name} has these measures, and none named {name[:60]!r}: {_list(self.measures)}."
            )
        if aggregation not in AGGREGATIONS or (name == "count" and aggregation != "count"):
            known = ["count"] if name == "count" else list(AGGREGATIONS)
            raise Invalid(f"{name!r} can't be aggregated by {aggregation[:30]!r}, but by: {_list(known)}.")
        found: Aggregate = AGGREGATIONS[aggregation](self.measures[name])
        return found


def _list(names: Any) -> str:
    return ", ".join(names)


def _columns(**fields: str) -> dict[str, Combinable]:
    return {name: F(field) for name, field in fields.items()}


def _scores(name: str, **more: str) -> MetricTable:
    shared = _columns(name="name", environment="environment", source="source", dataType="data_type",
                      configId="config_id", traceId="trace_id", observationId="observation_id",
                      sessionId="session_id", **more)  # fmt: skip
    measures: dict[str, Combinable] = {"count": Star()}
    if name != "scores-categorical":
        measures["value"] = F("value")
    return MetricTable(name, "timestamp", shared, measures)


_TABLES: Final = (
    MetricTable(
        "traces",
        "start_time",
        _columns(id="trace_id", name="name", userId="user_id", sessionId="session_id", environment="environment",
                 release="release", version="version", tags="tags"),
        {
            "count": Star(),
            "observationsCount": F("observation_count"),
            "latency": F("latency_ms"),
            "inputTokens": F("input_tokens"),
            "outputTokens": F("output_tokens"),
            "totalTokens": _TOKENS,
            "totalCost": F("cost"),
        },
    ),
    MetricTable(
        "observations",
        "start_time",
        _columns(id="span_id", traceId="trace_id", parentObservationId="parent_id", type="type", name="name",
                 level="level", environment="environment", release="release", version="version", tags="tags",
                 userId="user_id", sessionId="session_id", providedModelName="model", promptName="prompt_name",
                 promptVersion="prompt_version"),
        {
            "count": Star(),
            "latency": _LATENCY,
            "timeToFirstToken": F("ttft_ms"),
            "streamingLatency": _LATENCY - F("ttft_ms"),
            "inputTokens": F("input_tokens"),
            "outputTokens": F("output_tokens"),
            "totalTokens": _TOKENS,
            "outputTokensPerSecond": F("output_tokens") / _SECONDS,
            "tokensPerSecond": _TOKENS / _SECONDS,
            "totalCost": F("cost"),
        },
    ),
    _scores("scores-numeric", value="value"),
    _scores("scores-boolean", booleanValue="value"),
    _scores("scores-categorical", stringValue="string_value"),
)  # fmt: skip
TABLES: Final = {table.name: table for table in _TABLES}
