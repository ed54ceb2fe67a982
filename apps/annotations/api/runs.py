"""/datasets/…/runs/: runs over a dataset, and what came out of their items."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.api.datasets import OfDataset
from apps.annotations.api.serializers import exact
from apps.annotations.exceptions import NameTaken
from apps.annotations.models import Dataset, DatasetRun, DatasetRunItem
from apps.annotations.outcomes import Outcome, Summary, outcomes_of, summaries_of
from apps.annotations.services.dataset_item import find_item
from apps.annotations.services.dataset_run import delete_run, ensure_run, put_run_item, update_run
from apps.core.api.idempotency import idempotent
from apps.core.exceptions import NotFound


class RunScoreSerializer(serializers.Serializer[Any]):
    """A judgement; `text` is the value as a person reads it."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    text = serializers.CharField(source="shown_value")


class DatasetRunSerializer(serializers.Serializer[Any]):
    """A run in figures: `means` of the scores of its items by name, `scores` of the run itself."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    code = serializers.CharField()
    description = serializers.CharField()
    metadata = serializers.JSONField()
    item_count = serializers.IntegerField()
    failed_count = serializers.IntegerField()
    latency_ms = serializers.FloatField(allow_null=True)
    cost = serializers.DecimalField(max_digits=20, decimal_places=10)
    means = serializers.DictField(child=serializers.FloatField())
    scores = RunScoreSerializer(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DatasetRunInput(serializers.Serializer[Any]):
    """A run to make or to change."""

    name = serializers.CharField(max_length=255)
    description = serializers.CharField(required=False, allow_blank=True)
    metadata = serializers.JSONField(required=False, allow_null=True, validators=[exact])


class RunItemSerializer(serializers.Serializer[Any]):
    """An item of a run; the output is cut to 2,000 characters, the trace has the whole."""

    id = serializers.UUIDField()
    item = serializers.UUIDField()
    client_id = serializers.CharField()
    trace_id = serializers.CharField()
    observation_id = serializers.CharField(allow_null=True)
    output = serializers.CharField()
    failed = serializers.BooleanField()
    latency_ms = serializers.FloatField(allow_null=True)
    cost = serializers.DecimalField(max_digits=20, decimal_places=10, allow_null=True)
    scores = RunScoreSerializer(many=True)


class RunItemInput(serializers.Serializer[Any]):
    """An item that was tried, by our id or the client's, and the trace that tried it."""

    item = serializers.CharField(max_length=255)
    trace_id = serializers.RegexField(r"^[0-9a-f]{32}$")
    observation_id = serializers.RegexField(r"^[0-9a-f]{16}$", required=False, allow_blank=True)


class LatestPagination(CursorPagination):
    """Newest first."""

    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100


class TriedPagination(LatestPagination):
    """In the order the items were added to the dataset."""

    ordering = ("key", "id")


def run_data(run: DatasetRun, summary: Summary) -> dict[str, Any]:
    """A run as JSON values."""
    names = ("id", "name", "code", "description", "metadata", "created_at", "updated_at")
    figures = ("item_count", "failed_count", "latency_ms", "cost", "means", "scores")
    values = {name: getattr(run, name) for name in names} | {name: getattr(summary, name) for name in figures}
    data: dict[str, Any] = DatasetRunSerializer(values).data
    return data


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """An item of a run as JSON values."""
    tried = outcome.run_item
    values = {
        "id": tried.pk,
        "item": tried.key,
        "client_id": tried.item.client_id if tried.item is not None else "",
        "trace_id": tried.trace_id,
        "observation_id": tried.observation_id,
        "output": outcome.output,
        "failed": outcome.failed,
        "latency_ms": outcome.latency_ms,
        "cost": outcome.cost,
        "scores": outcome.scores,
    }
    data: dict[str, Any] = RunItemSerializer(values).data
    return data


def find_run(dataset: Dataset, run_id: UUID) -> DatasetRun:
    """A run over the dataset, or a 404."""
    return get_object_or_404(dataset.runs.select_related("dataset__workspace"), pk=run_id)


class DatasetRunViewSet(OfDataset, viewsets.GenericViewSet[DatasetRun]):
    """Runs over one dataset."""

    queryset = DatasetRun.objects.all()
    serializer_class = DatasetRunSerializer
    pagination_class = LatestPagination

    @extend_schema(summary="List runs")
    def list(self, request: Request, dataset_id: UUID) -> Response:
        """Newest first, each in figures."""
        page = self.paginate_queryset(DatasetRun.objects.filter(dataset=self.dataset)) or []
        summaries = summaries_of(page)
        return self.get_paginated_response([run_data(run, summaries[run.pk]) for run in page])

    @extend_schema(summary="Make a run", request=DatasetRunInput, responses={201: DatasetRunSerializer})
    @idempotent
    def create(self, request: Request, dataset_id: UUID) -> Response:
        """Names are unique in the dataset."""
        dataset = self.dataset
        values = self._body(partial=False)
        if DatasetRun.objects.filter(dataset=dataset, name=values["name"]).exists():
            raise NameTaken
        run = ensure_run(actor=self.actor, dataset=dataset, **values)
        return Response(run_data(run, summaries_of([run])[run.pk]), status=201)

    @extend_schema(summary="Read a run", responses=DatasetRunSerializer)
    def retrieve(self, request: Request, dataset_id: UUID, run_id: UUID) -> Response:
        """In figures; its items have a list of their own."""
        run = find_run(self.dataset, run_id)
        return Response(run_data(run, summaries_of([run])[run.pk]))

    @extend_schema(summary="Change a run", request=DatasetRunInput, responses=DatasetRunSerializer)
    def partial_update(self, request: Request, dataset_id: UUID, run_id: UUID) -> Response:
        """Name and description."""
        values = self._body(partial=True)
        values.pop("metadata", None)
        run = update_run(actor=self.actor, run=find_run(self.dataset, run_id), **values)
        return Response(run_data(run, summaries_of([run])[run.pk]))

    @extend_schema(summary="Delete a run", responses={204: None})
    def destroy(self, request: Request, dataset_id: UUID, run_id: UUID) -> Response:
        """With its scores; traces stay."""
        delete_run(actor=self.actor, run=find_run(self.dataset, run_id))
        return Response(status=204)

    def _body(self, *, partial: bool) -> dict[str, Any]:
        serializer = DatasetRunInput(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class RunItemViewSet(OfDataset, viewsets.GenericViewSet[DatasetRunItem]):
    """Items of one run."""

    queryset = DatasetRunItem.objects.all()
    serializer_class = RunItemSerializer
    pagination_class = TriedPagination

    @extend_schema(summary="List items of a run")
    def list(self, request: Request, dataset_id: UUID, run_id: UUID) -> Response:
        """With outputs and scores."""
        items = DatasetRunItem.objects.filter(run=find_run(self.dataset, run_id)).select_related("item")
        page = self.paginate_queryset(items) or []
        return self.get_paginated_response([outcome_data(outcome) for outcome in outcomes_of(page)])

    @extend_schema(summary="Add an item to a run", request=RunItemInput, responses={201: RunItemSerializer})
    @idempotent
    def create(self, request: Request, dataset_id: UUID, run_id: UUID) -> Response:
        """The trace need not be stored yet; the same again changes nothing."""
        run = find_run(self.dataset, run_id)
        serializer = RunItemInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        item = find_item(dataset=run.dataset, reference=values["item"])
        if item is None:
            raise NotFound
        tried = put_run_item(
            actor=self.actor,
            run=run,
            item=item,
            trace_id=values["trace_id"],
            observation_id=values.get("observation_id", ""),
        )
        (outcome,) = outcomes_of([tried])
        return Response(outcome_data(outcome), status=201)
