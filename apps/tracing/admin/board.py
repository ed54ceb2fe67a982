"""Pages of widgets: the range they show, their figures, and the lists that a click opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from apps.core.admin.pages import ConsolePage
from apps.core.models import Workspace
from apps.tracing.admin.forms import CUSTOM_RANGE, DEFAULT_RANGE, RangeForm
from apps.tracing.dashboards import Board, WidgetSpec, draw
from apps.tracing.dashboards.draw import question_of
from apps.tracing.models import Grain, Level, MetricView, Rollup, TagRollup
from apps.tracing.rollups import MetricFilter, MetricQuery, TimeRange, read_metrics
from apps.tracing.rollups.timerange import EARLIEST

#: Conditions of the lists (`explorer.fields`) by dimension; `{value}` stands for the value.
_OF_TRACES: Final = {
    "name": ("name:is:{value}",),
    "model": ("model:has:{value}",),
    "environment": ("environment:is:{value}",),
    "user": ("user_id:is:{value}",),
    "session": ("session_id:is:{value}",),
    "tag": ("tags:has:{value}",),
}
_OF_OBSERVATIONS: Final = {
    "type": ("type:is:{value}",),
    "model": ("model:is:{value}",),
    "environment": ("environment:is:{value}",),
    "prompt": ("prompt_name:is:{value}",),
}
#: What only traces can be listed by: steps count under the tags of their trace, whichever step said them.
_TRACES_ONLY: Final = frozenset({"name", "agent", "workflow", "user", "session", "tag"})
#: Tags to choose from: the most frequent ones.
_MAX_TAGS: Final = 200


class BoardPage(ConsolePage):
    """Widgets over a time range, perhaps of one environment or one tag."""

    template_name = "tracing/board.html"

    def get_board_context(self, request: HttpRequest, specs: Sequence[WidgetSpec]) -> dict[str, Any]:
        """The range form and the drawn widgets."""
        form = RangeForm({"range": DEFAULT_RANGE, **request.GET.dict()})
        chosen = _Chosen.of(form, request)
        narrowed = [spec.query.with_filters(chosen.filters()) for spec in specs]
        shown = [
            WidgetSpec(spec.title, spec.chart, query, spec.width, spec.height)
            for spec, query in zip(specs, narrowed, strict=True)
        ]
        span = TimeRange.of(chosen.start, chosen.end, now=timezone.now())
        questions = [question_of(spec, span) for spec in shown]
        answers = read_metrics(questions, user=request.user, workspace=self.workspace)
        if answers is None:
            raise PermissionDenied
        return {
            "form": form,
            "custom": CUSTOM_RANGE,
            "environment": chosen.environment,
            "environments": _environments(self.workspace, chosen.end),
            "tag": chosen.tag,
            "tags": _tags(self.workspace, chosen),
            "data": _data(draw(shown, answers), shown, chosen),
        }


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The range, environment and tag of an address."""

    start: datetime
    end: datetime
    environment: str
    tag: str
    #: The range for the address of a list.
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, form: RangeForm, request: HttpRequest) -> "_Chosen":
        start, end = form.bounds()
        now = timezone.now()
        end = min(max(end, EARLIEST + timedelta(days=1)) if end else now, now)
        # a start that lies after its end shows the last day
        start = max(start, EARLIEST) if start is not None and start < end else end - timedelta(days=1)
        chosen = request.GET.get("range", DEFAULT_RANGE)
        pairs = [("range", chosen)] if chosen != CUSTOM_RANGE else _between(start, end)
        environment, tag = (
            request.GET.get(name, "").replace("\0", "")[:limit]
            for name, limit in (("environment", 100), ("tag", 200))
        )
        return cls(start, end, environment, tag, tuple(pairs))

    def filters(self) -> list[MetricFilter]:
        chosen = {"environment": self.environment, "tag": self.tag}
        return [MetricFilter(name, "is", value) for name, value in chosen.items() if value]


def _between(start: datetime, end: datetime) -> list[tuple[str, str]]:
    """A time range as the lists take it."""
    return [("range", CUSTOM_RANGE), ("start", _local(start)), ("end", _local(end))]


def _local(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


def _environments(workspace: Workspace, end: datetime) -> list[str]:
    """The environments of the month before `end`."""
    rows = Rollup.objects.filter(
        workspace=workspace, level=0, grain=1440, root__in=[True, False], bucket__gte=end - timedelta(days=30)
    ).exclude(environment="")
    return list(rows.order_by("environment").values_list("environment", flat=True).distinct()[:50])


def _tags(workspace: Workspace, chosen: _Chosen) -> list[str]:
    """The tags with the most traces of the month before the range ends, and the chosen one, by name."""
    rows = TagRollup.objects.filter(
        workspace=workspace,
        level=Level.NARROW,
        grain=Grain.DAY,
        root=True,
        bucket__gte=chosen.end - timedelta(days=30),
    ).exclude(tag="")
    most = rows.values("tag").annotate(traces=Sum("count")).order_by("-traces", "tag")
    found = set(most.values_list("tag", flat=True)[:_MAX_TAGS])
    return sorted(found | {chosen.tag} - {""}, key=lambda tag: (tag.casefold(), tag))


def _data(board: Board, specs: Sequence[WidgetSpec], chosen: _Chosen) -> dict[str, Any]:
    """What the browser draws; each widget knows the list that its parts lead to."""
    for widget, spec in zip(board.widgets, specs, strict=True):
        target = list_of(spec.query)
        if target is None:
            continue
        widget["list"] = reverse(f"admin:tracing_{target}")
        widget["query"] = urlencode([("f", text) for text in _conditions(spec.query, target)])
        for part in [*widget.get("series", ()), *widget.get("rows", ())]:
            part["query"] = urlencode([("f", text) for text in _part(spec.query, part, target)])
    return {
        "range": urlencode(chosen.pairs),
        "axes": [
            {
                "times": [time.isoformat() for time in axis.times],
                "slots": [urlencode(_between(time, time + axis.step)) for time in axis.times],
            }
            for axis in board.axes
        ],
        "widgets": board.widgets,
    }


def list_of(query: MetricQuery) -> str | None:
    """The list that holds what a widget counts: traces, observations, or None."""
    if query.view == MetricView.SCORES:
        return "traces"
    named = {query.dimension, *(item.field for item in query.filters)}
    return "traces" if query.view == MetricView.TRACES or named & _TRACES_ONLY else "observations"


def _conditions(query: MetricQuery, target: str) -> list[str]:
    """The filters of a query as conditions of a list, where it has them."""
    found: list[str] = []
    for item in query.filters:
        for text in _condition(item.field, item.value, target):
            field, _is, value = text.split(":", 2)
            found.append(f"{field}:{_operator(_is, item.operator)}:{value}")
    return found


def _operator(exact: str, operator: str) -> str:
    """How a list compares what the rollups compare with `operator`; `exact` is the list's word for "is"."""
    if operator == "is":
        return exact
    return "lacks" if exact == "has" and operator == "not" else operator


def _part(query: MetricQuery, part: dict[str, Any], target: str) -> list[str]:
    """The conditions of one series or row."""
    found = _condition(query.dimension, part["value"], target) if part["value"] else []
    if part.get("metric") in {"errors", "error_rate"}:
        found.append("status:is:error")
    return found


def _condition(dimension: str, value: str, target: str) -> list[str]:
    if dimension == "prompt_version" and target == "observations":
        name, _at, version = value.rpartition("@")
        return [f"prompt_name:is:{name}", *([f"prompt_version:is:{version}"] if version else [])]
    if dimension in {"agent", "workflow"}:
        return [f"name:is:{value}"]
    known = _OF_TRACES if target == "traces" else _OF_OBSERVATIONS
    return [text.format(value=value) for text in known.get(dimension, ())]
