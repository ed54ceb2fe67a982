"""Runs over datasets as line 5 of the SDK reads them: experiments and their items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.models import Dataset, DatasetRun, DatasetRunItem
from apps.annotations.outcomes import Outcome, outcomes_of, summaries_of
from apps.core.exceptions import Invalid
from apps.core.ids import is_uuid
from apps.interop.base import AdapterView
from apps.interop.langfuse.content import parsed
from apps.interop.langfuse.dataset_item import expected_of, input_of, reference_of
from apps.interop.langfuse.pages import limit_of
from apps.interop.langfuse.score_list import row_v3
from apps.interop.langfuse.values import between, listed

MAX_PAGE: Final = 100
MAX_SCORES: Final = 50


class ExperimentsView(AdapterView):
    """`/experiments`: newest first, from a cursor on."""

    def get(self, request: Request) -> Response:
        """With metadata and scores on request (`fields`)."""
        query = request.query_params
        visible = Dataset.objects.in_workspace(self.workspace).visible_to(request.user)
        runs = DatasetRun.objects.filter(dataset__in=visible)
        runs = between(runs, query, "created_at", asked="StartTime")
        if wanted := listed(query, "id"):
            runs = runs.filter(code__in=wanted)
        if wanted := listed(query, "name"):
            runs = runs.filter(name__in=wanted)
        if wanted := listed(query, "datasetId"):
            runs = runs.filter(dataset_id__in=[value for value in wanted if is_uuid(value)])
        page, cursor = _page(runs, query)
        summaries = summaries_of(page)
        groups = set(listed(query, "fields"))
        data = [_experiment(run, summaries[run.pk], groups) for run in page]
        return Response({"data": data, "meta": {"cursor": cursor}})


class ExperimentItemsView(AdapterView):
    """`/experiment-items`: what was tried, newest first, from a cursor on."""

    def get(self, request: Request) -> Response:
        """With inputs, outputs, metadata and scores on request (`fields`)."""
        query = request.query_params
        visible = Dataset.objects.in_workspace(self.workspace).visible_to(request.user)
        items = DatasetRunItem.objects.filter(run__dataset__in=visible)
        items = between(items, query, "created_at", asked="StartTime")
        if wanted := listed(query, "experimentId"):
            items = items.filter(run__code__in=wanted)
        if name := query.get("experimentName"):
            items = items.filter(run__name=name)
        if wanted := listed(query, "datasetId"):
            items = items.filter(run__dataset_id__in=[value for value in wanted if is_uuid(value)])
        if wanted := listed(query, "experimentItemId"):
            keys = [value for value in wanted if is_uuid(value)]
            items = items.filter(Q(item__client_id__in=wanted) | Q(key__in=keys))
        page, cursor = _page(items.select_related("run", "item"), query)
        groups = set(listed(query, "fields"))
        data = [_tried(outcome, groups) for outcome in outcomes_of(page)]
        return Response({"data": data, "meta": {"cursor": cursor}})


def _page(rows: Any, query: Any) -> tuple[Sequence[Any], str | None]:
    """Rows after the cursor: ids are in the order of time, so the last one's is the cursor."""
    cursor = query.get("cursor", "")
    if cursor:
        if not is_uuid(cursor):
            raise Invalid("The cursor is not one of this list.")
        rows = rows.filter(pk__lt=cursor)
    limit = limit_of(query, MAX_PAGE)
    found = list(rows.order_by("-pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else None


def _experiment(run: DatasetRun, summary: Any, groups: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": run.code,
        "name": run.name,
        "description": run.description or None,
        "startTime": run.created_at,
        "endTime": run.updated_at,
        "itemCount": summary.item_count,
        "datasetId": str(run.dataset_id),
    }
    if "metadata" in groups:
        found["metadata"] = _mapping(run.metadata)
    if "scores" in groups:
        found["scores"] = [row_v3(score) for score in summary.scores[:MAX_SCORES]]
    return found


def _tried(outcome: Outcome, groups: set[str]) -> dict[str, Any]:
    tried = outcome.run_item
    item, run = tried.item, tried.run
    found: dict[str, Any] = {
        "id": tried.observation_id or tried.trace_id[:16],
        "traceId": tried.trace_id,
        "startTime": outcome.start_time or tried.created_at,
        "endTime": outcome.end_time,
        "level": "ERROR" if outcome.failed else "DEFAULT",
        "environment": outcome.environment or "default",
        "experimentId": run.code,
        "experimentName": run.name,
        "experimentItemId": reference_of(item) if item is not None else str(tried.key),
        "experimentDatasetId": str(run.dataset_id),
    }
    if "io" in groups:
        found["input"] = None if item is None else input_of(item)
        found["expectedOutput"] = None if item is None else expected_of(item)
        found["output"] = parsed(outcome.output)
    if "metadata" in groups or "itemMetadata" in groups:
        found["experimentItemMetadata"] = _mapping(None if item is None else item.metadata)
    if "experimentMetadata" in groups or "metadata" in groups:
        found |= {
            "experimentMetadata": _mapping(run.metadata),
            "experimentDescription": run.description or None,
        }
    if "scores" in groups:
        found["scores"] = [row_v3(score) for score in outcome.scores[:MAX_SCORES]]
    return found


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {} if value is None else {"value": value}
