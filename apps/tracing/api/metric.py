"""The endpoint that asks the rollups."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidMetricQuery
from apps.tracing.models import MetricView
from apps.tracing.rollups import Answer, MetricFilter, MetricQuery, Question, TimeRange, read_metrics
from apps.tracing.rollups.catalogue import METRICS, all_dimensions, all_metrics

STEPS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
AUTO, NONE = "auto", "none"
DEFAULT_RANGE = timedelta(days=1)


class MetricQuerySerializer(serializers.Serializer[Any]):
    """Query parameters; `metric` and `filter` may be given several times."""

    view = serializers.ChoiceField(choices=MetricView.choices, default=MetricView.TRACES)
    metric = serializers.ListField(
        child=serializers.CharField(max_length=20),
        default=["count"],
        help_text="One of: " + ", ".join(all_metrics()) + ".",
    )
    dimension = serializers.CharField(
        max_length=20,
        default="",
        allow_blank=True,
        help_text="Tell values apart by: "
        + ", ".join(all_dimensions())
        + ". A trace counts under each of its tags.",
    )
    filter = serializers.ListField(
        child=serializers.CharField(max_length=600),
        default=[],
        help_text="`field:operator:value`; the operator is is, not, in or contains. Figures that are not told apart "
        "by tag take one filter by tag: is or not.",
    )
    start = serializers.DateTimeField(required=False, help_text="By default a day before the end.")
    end = serializers.DateTimeField(required=False, help_text="By default now.")
    step = serializers.ChoiceField(
        choices=[AUTO, NONE, *STEPS], default=NONE, help_text="Length of a point; none gives one figure."
    )
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)


class MetricSeriesSerializer(serializers.Serializer[Any]):
    """The figures of one value of the dimension ("": all, or those beyond the limit, or tags not told apart)."""

    value = serializers.CharField(allow_blank=True)
    totals = serializers.DictField(child=serializers.FloatField(allow_null=True))
    points = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)), required=False
    )


class MetricAnswerSerializer(serializers.Serializer[Any]):
    """Figures. `start` is where the first row begins: whole minutes, hours or days are added up."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step_seconds = serializers.FloatField(allow_null=True)
    times = serializers.ListField(child=serializers.DateTimeField())
    units = serializers.DictField(child=serializers.CharField())
    series = MetricSeriesSerializer(many=True)


class MetricsView(APIView):
    """Figures of the workspace."""

    @extend_schema(
        operation_id="metrics_retrieve", parameters=[MetricQuerySerializer], responses=MetricAnswerSerializer
    )
    def get(self, request: Request) -> Response:
        """Count, tokens, cost, latency, first token or scores of a time range, from the rollups."""
        params = request.query_params
        given: dict[str, Any] = {name: params[name] for name in params if name not in {"metric", "filter"}}
        for name in ("metric", "filter"):
            if name in params:
                given[name] = params.getlist(name)
        query = MetricQuerySerializer(data=given)
        query.is_valid(raise_exception=True)
        question = question_of(query.validated_data)
        workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        answers = read_metrics([question], user=request.user, workspace=workspace)
        if answers is None:
            raise PermissionDenied
        return Response(MetricAnswerSerializer(_rendered(answers[0])).data)


def question_of(values: dict[str, Any]) -> Question:
    """The question of valid parameters; raises InvalidMetricQuery."""
    query = MetricQuery(
        values["view"],
        tuple(values["metric"]),
        values["dimension"],
        tuple(MetricFilter.parse(text) for text in values["filter"]),
        values["limit"],
    ).check()
    now = timezone.now()
    end = min(values.get("end") or now, now)
    start = values.get("start") or end - DEFAULT_RANGE
    if start >= end:
        raise InvalidMetricQuery(_("The range ends before it starts, or lies in the future."))
    span = TimeRange.of(start, end, now=now, step=STEPS.get(values["step"]))
    return Question(query, span.whole() if values["step"] == NONE else span)


def _rendered(answer: Answer) -> dict[str, Any]:
    query, span = answer.question.query, answer.question.range
    return {
        "start": answer.times[0],
        "end": span.end,
        "step_seconds": None if span.step is None else span.step.total_seconds(),
        "times": answer.times,
        "units": {name: METRICS[query.view][name].unit for name in query.metrics},
        "series": [
            {
                "value": item.value,
                "totals": {name: item.sums.value(name) for name in query.metrics},
                **({"points": {name: item.values(name) for name in query.metrics}} if span.step else {}),
            }
            for item in answer.series
        ],
    }
