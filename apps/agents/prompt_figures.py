"""How the versions of a prompt do: runs, time, cost and scores of the model calls made with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.agents.models import Prompt
from apps.core.models import User
from apps.tracing.models import MetricView, Observation, Score
from apps.tracing.rollups import MetricFilter, MetricQuery, Question, Sums, TimeRange, read_metrics

PERIOD = timedelta(days=30)
MAX_VERSIONS = 50
#: The newest scores of the workspace that are looked through for those of a prompt's calls.
MAX_SCORES = 1_000
_METRICS = ("count", "errors", "latency_p50", "latency_p95", "ttft_p50", "total_tokens", "cost")
_NAME_CHARS = 200  # the rollups keep so much of a name


@dataclass(frozen=True, slots=True)
class ScoreFigure:
    """The mean of the scores of one name."""

    name: str
    mean: float
    count: int


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """A version in PERIOD. Times in milliseconds, None where not measured; costs in US dollars."""

    version: int
    runs: int
    errors: int
    latency_p50: float | None
    latency_p95: float | None
    ttft_p50: float | None
    tokens_per_run: float
    cost: float
    cost_per_run: float
    scores: tuple[ScoreFigure, ...]


def version_figures(prompt: Prompt, user: User | AnonymousUser) -> list[VersionFigures]:
    """Figures of the versions that were used, newest first; none for somebody who may not see traces.

    From the rollups: what it costs does not depend on how many calls there were.
    """
    now = timezone.now()
    query = MetricQuery(
        view=MetricView.OBSERVATIONS,
        metrics=_METRICS,
        dimension="prompt_version",
        filters=(
            MetricFilter("prompt", "is", prompt.name[:_NAME_CHARS]),
            MetricFilter("type", "is", "generation"),
        ),
        limit=MAX_VERSIONS,
    )
    range_ = TimeRange.of(now - PERIOD, now, now=now).whole()
    answers = read_metrics([Question(query, range_)], user=user, workspace=prompt.workspace)
    if not answers:
        return []
    used = {
        int(number): series.sums
        for series in answers[0].series
        if (number := series.value.rpartition("@")[2]).isascii() and number.isdigit() and series.sums.count
    }
    scores = _scores(prompt, now - PERIOD) if used else {}
    return [_figures(number, used[number], scores.get(number, ())) for number in sorted(used, reverse=True)]


def _figures(number: int, sums: Sums, scores: tuple[ScoreFigure, ...]) -> VersionFigures:
    return VersionFigures(
        version=number,
        runs=sums.count,
        errors=sums.errors,
        latency_p50=sums.value("latency_p50"),
        latency_p95=sums.value("latency_p95"),
        ttft_p50=sums.value("ttft_p50"),
        tokens_per_run=(sums.input_tokens + sums.output_tokens) / sums.count,
        cost=float(sums.cost),
        cost_per_run=float(sums.cost) / sums.count,
        scores=scores,
    )


def _scores(prompt: Prompt, since: datetime) -> Mapping[int, tuple[ScoreFigure, ...]]:
    """Means by version of the scores on its calls, and on the traces the calls are part of."""
    recent = list(
        Score.objects.filter(workspace_id=prompt.workspace_id, timestamp__gte=since, value__isnull=False)
        .exclude(trace_id="")
        .order_by("-timestamp", "-id")
        .values_list("trace_id", "observation_id", "name", "value")[:MAX_SCORES]
    )
    calls = Observation.objects.filter(
        workspace_id=prompt.workspace_id,
        trace_id__in={trace_id for trace_id, *_rest in recent},
        start_time__gte=since,
        prompt_name=prompt.name,
        type="generation",
    ).values_list("trace_id", "span_id", "prompt_version")
    made_with: dict[tuple[str, str], set[int]] = defaultdict(set)
    for trace_id, span_id, shown in calls if recent else ():
        if shown.isascii() and shown.isdigit():
            made_with[trace_id, span_id].add(int(shown))
            made_with[trace_id, ""].add(int(shown))
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    for trace_id, span_id, name, value in recent:
        for number in made_with.get((trace_id, span_id), ()):
            values[number, name].append(float(value or 0.0))
    found: dict[int, list[ScoreFigure]] = defaultdict(list)
    for (number, name), given in sorted(values.items()):
        found[number].append(ScoreFigure(name, sum(given) / len(given), len(given)))
    return {number: tuple(figures) for number, figures in found.items()}
