"""Runs over datasets, and the items tried in them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.models import Dataset, DatasetRun, DatasetRunItem
from apps.annotations.services.dataset_run import delete_run, ensure_run, put_run_item
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound
from apps.core.models import Workspace
from apps.interop.base import AdapterView, Caller
from apps.interop.langfuse import ids
from apps.interop.langfuse.dataset import find_dataset
from apps.interop.langfuse.dataset_item import find_by_id, reference_of
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, exact, text

#: Items of a run that one answer holds; larger runs are read by `/dataset-run-items`.
MAX_ITEMS = 10_000


class DatasetRunsView(AdapterView):
    """Runs of one dataset."""

    def get(self, request: Request, name: str) -> Response:
        """Newest first, a page at a time."""
        dataset = find_dataset(request.user, self.workspace, name)
        page = Page.of(
            DatasetRun.objects.filter(dataset=dataset).order_by("-created_at", "-id"), request.query_params
        )
        return Response(page.body([run_row(run, dataset) for run in page.rows]))


class DatasetRunView(AdapterView):
    """One run by the names of dataset and run, which may hold slashes."""

    def get(self, request: Request, name: str, run_name: str) -> Response:
        """With its items."""
        run = find_run(request.user, self.workspace, name, run_name)
        items = DatasetRunItem.objects.filter(run=run).select_related("item").order_by("id")[:MAX_ITEMS]
        rows = [run_item_row(item, run) for item in items]
        return Response({**run_row(run, run.dataset), "datasetRunItems": rows})

    def delete(self, request: Request, name: str, run_name: str) -> Response:
        """Delete it; traces stay."""
        delete_run(actor=self.actor, run=find_run(request.user, self.workspace, name, run_name))
        return Response({"message": "Dataset run deleted"})


class DatasetRunItemsView(AdapterView):
    """Items of runs."""

    def get(self, request: Request) -> Response:
        """Those of the run that `datasetId` and `runName` name."""
        run = self._run(request)
        items: QuerySet[DatasetRunItem] = DatasetRunItem.objects.filter(run=run).select_related("item")
        page = Page.of(items.order_by("id"), request.query_params)
        return Response(page.body([run_item_row(item, run) for item in page.rows]))

    def post(self, request: Request) -> Response:
        """Say that an item was tried; the run is made with its first item."""
        run_item, run = put(actor=self.actor, user=request.user, workspace=self.workspace, body=request.data)
        return Response(run_item_row(run_item, run))

    def _run(self, request: Request) -> DatasetRun:
        query = request.query_params
        visible = Dataset.objects.in_workspace(self.workspace).visible_to(request.user)
        runs = DatasetRun.objects.filter(dataset__in=visible, name=query.get("runName", ""))
        run = next((run for run in runs if str(run.dataset_id) == query.get("datasetId")), None)
        if run is None:
            raise NotFound("There is no run of this name.")
        return run


@transaction.atomic
def put(*, actor: Actor, user: Caller, workspace: Workspace, body: Any) -> tuple[DatasetRunItem, DatasetRun]:
    """Keep what a body says about an item of a run; raises FlywheelError."""
    given = as_object(body)
    item = find_by_id(user, workspace, text(given.get("datasetItemId")))
    trace_id = ids.trace_id(text(given.get("traceId")))
    if not trace_id:
        raise Invalid("An item of a run needs a traceId.")
    run = ensure_run(
        actor=actor,
        dataset=item.dataset,
        name=text(given.get("runName")).strip(),
        description=text(given.get("runDescription")),
        metadata=exact(given.get("metadata")),
    )
    run_item = put_run_item(
        actor=actor,
        run=run,
        item=item,
        trace_id=trace_id,
        observation_id=ids.span_id(text(given.get("observationId"))),
    )
    run_item.item = item
    return run_item, run


def find_run(user: Caller, workspace: Workspace, name: str, run_name: str) -> DatasetRun:
    """The run of this name; a slash at the end may be the address's."""
    dataset = find_dataset(user, workspace, name)
    runs = DatasetRun.objects.filter(dataset=dataset, name__in={run_name, run_name.removesuffix("/")})
    found = sorted(runs.select_related("dataset__workspace"), key=lambda run: run.name != run_name)
    if not found:
        raise NotFound("There is no run of this name.")
    return found[0]


def run_row(run: DatasetRun, dataset: Dataset) -> dict[str, Any]:
    """A run in the SDKs' shape."""
    return {
        "id": run.code,
        "name": run.name,
        "description": run.description or None,
        "metadata": run.metadata,
        "datasetId": str(dataset.pk),
        "datasetName": dataset.name,
        "createdAt": run.created_at,
        "updatedAt": run.updated_at,
    }


def run_item_row(item: DatasetRunItem, run: DatasetRun) -> dict[str, Any]:
    """An item of a run in the SDKs' shape."""
    return {
        "id": str(item.pk),
        "datasetRunId": run.code,
        "datasetRunName": run.name,
        "datasetItemId": reference_of(item.item) if item.item is not None else str(item.key),
        "traceId": item.trace_id,
        "observationId": item.observation_id,
        "createdAt": item.created_at,
        "updatedAt": item.updated_at,
    }
