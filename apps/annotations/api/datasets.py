"""/datasets/: datasets, their items and versions, and the streaming download of a training file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.api.serializers import (
    AddedSerializer,
    AddTracesInput,
    CheckSerializer,
    DatasetInput,
    DatasetItemInput,
    DatasetItemSerializer,
    DatasetSerializer,
    DatasetVersionInput,
    DatasetVersionSerializer,
)
from apps.annotations.exporters import Report, exporters, write_lines, write_lines_async
from apps.annotations.models import Dataset, DatasetItem, DatasetVersion
from apps.annotations.querysets import DatasetItemQuerySet
from apps.annotations.reasons import described
from apps.annotations.selectors import check_rows
from apps.annotations.services import dataset as dataset_service
from apps.annotations.services import dataset_item as item_service
from apps.annotations.services import dataset_version as version_service
from apps.annotations.services.export import exporter_named, version_numbered
from apps.annotations.services.trace_example import add_traces
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped, WorkspaceViewSet
from apps.core.exceptions import Invalid, NotFound
from apps.core.numbers import whole_number
from apps.core.permissions import require
from apps.tracing.selection import traces_named

JSON_LINES = "application/jsonl"


class FormatIsAParameter(DefaultContentNegotiation):
    """`?format=` names a training-file format here, not one of the framework's renderers."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """Errors are rendered by the first one."""
        return renderers[0], renderers[0].media_type


_FORMAT = OpenApiParameter(
    "format", enum=list(exporters()), required=True, description="Training-file format."
)
_VERSION = OpenApiParameter(
    "version", OpenApiTypes.INT, description="A frozen version; default: the present state."
)


@extend_schema_view(
    list=extend_schema(summary="List datasets"),
    retrieve=extend_schema(summary="Read a dataset"),
    create=extend_schema(
        summary="Create a dataset", request=DatasetInput, responses={201: DatasetSerializer}
    ),
    partial_update=extend_schema(
        summary="Change a dataset", request=DatasetInput, responses={200: DatasetSerializer}
    ),
    destroy=extend_schema(summary="Delete a dataset"),
)
class DatasetViewSet(WorkspaceViewSet[Dataset]):
    """Collections of examples."""

    queryset = Dataset.objects.with_counts()
    serializer_class = DatasetSerializer
    input_serializer_class = DatasetInput

    def perform_create(self, serializer: Any) -> Dataset:  # type: ignore[override]  # returns the object
        """Call the service."""
        return dataset_service.create_dataset(
            actor=self.actor, workspace=self.workspace, **serializer.validated_data
        )

    def perform_update(self, serializer: Any) -> Dataset:  # type: ignore[override]  # returns the object
        """Call the service."""
        return dataset_service.update_dataset(
            actor=self.actor, dataset=serializer.instance, **serializer.validated_data
        )

    def perform_destroy(self, instance: Dataset) -> None:
        """Call the service."""
        dataset_service.delete_dataset(actor=self.actor, dataset=instance)

    @extend_schema(
        summary="Make examples of traces", request=AddTracesInput, responses={201: AddedSerializer}
    )
    @action(detail=True, methods=["post"], url_path="traces")
    @idempotent
    def traces(self, request: Request, pk: str) -> Response:
        """What is in the dataset already, holds no input or does not meet its schemas is passed over."""
        dataset = self.get_object()
        serializer = AddTracesInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        rows = traces_named(self.workspace, request.user, data["traces"])
        added = add_traces(actor=self.actor, dataset=dataset, rows=rows, with_output=data["with_output"])
        return Response({"added": added}, status=201)

    @extend_schema(
        summary="Download a training file",
        description="JSON lines, streamed. Rows that don't fit the format are left out: see `check`.",
        parameters=[_FORMAT, _VERSION],
        responses={(200, JSON_LINES): OpenApiTypes.BINARY},
    )
    @action(detail=True, content_negotiation_class=FormatIsAParameter)
    def export(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Constant memory however large the dataset is."""
        dataset = self.get_object()
        require(self.actor, "export", dataset)
        exporter = exporter_named(request.query_params.get("format", "openai_chat"))
        version = _version(dataset, request)
        items = _items(dataset, version)
        lines: Iterator[bytes] | AsyncIterator[bytes]
        if isinstance(request._request, ASGIRequest):
            lines = write_lines_async(exporter, items.examples_async(), Report())
        else:
            lines = write_lines(exporter, items.examples(), Report())
        stem = slugify(dataset.name, allow_unicode=True) or "dataset"
        label = f"v{version}" if version else "draft"
        response = StreamingHttpResponse(lines, content_type=JSON_LINES)
        response.headers["Content-Disposition"] = _attachment(f"{stem}-{label}.{exporter.name}.jsonl")
        response.headers["X-Dataset-Version"] = label
        return response

    @extend_schema(summary="Check a training file", parameters=[_FORMAT, _VERSION], responses=CheckSerializer)
    @action(detail=True, content_negotiation_class=FormatIsAParameter)
    def check(self, request: Request, pk: str) -> Response:
        """What the download would contain, and the rows it would leave out with their reasons."""
        dataset = self.get_object()
        require(self.actor, "export", dataset)
        exporter = exporter_named(request.query_params.get("format", "openai_chat"))
        report = check_rows(dataset, exporter, _version(dataset, request))
        rejections = [
            {"item_id": entry.item_id, "reason": str(entry.reason), "detail": entry.detail}
            for entry in report.rejections
        ]
        return Response(
            {
                "row_count": report.written,
                "rejected_count": report.rejected,
                "byte_count": report.byte_count,
                "rejections": described(rejections),
            }
        )


def _version(dataset: Dataset, request: Request) -> int | None:
    text = request.query_params.get("version", "")
    if not text:
        return None
    if (number := whole_number(text)) is None:
        raise Invalid(errors={"version": ["A whole number."]})
    return version_numbered(dataset, number).number


def _items(dataset: Dataset, version: int | None) -> DatasetItemQuerySet:
    items = DatasetItem.objects.filter(dataset=dataset)
    return items.current() if version is None else items.at(version)


def _content(body: dict[str, Any], item: DatasetItem | None = None) -> item_service.AnyContent:
    """What a body says, over what `item` says already. Free JSON and a conversation don't mix."""
    present = item_service.content_of(item) if item is not None else None
    free = item_service.FREE & body.keys()
    chat = item_service.CHAT_ONLY & body.keys()
    if free and chat:
        raise Invalid(errors={min(free): ["Give messages or free JSON, not both."]})
    of_json = bool(free) or (isinstance(present, item_service.FreeContent) and not chat)
    kind: Any = item_service.FreeContent if of_json else item_service.Content
    if not of_json and not isinstance(present, item_service.Content) and "messages" not in body:
        raise Invalid(errors={"messages": ["Give messages, or an input of any JSON."]})
    content: item_service.AnyContent = (
        replace(present, **body) if present is not None and isinstance(present, kind) else kind(**body)
    )
    return content


def _attachment(filename: str) -> str:
    from django.utils.http import content_disposition_header

    return content_disposition_header(as_attachment=True, filename=filename) or "attachment"


class OfDataset(WorkspaceScoped[Any]):
    """Views below one dataset."""

    kwargs: dict[str, Any]

    @property
    def dataset(self) -> Dataset:
        """The dataset of the address; 404 for those who may not see it."""
        visible = Dataset.objects.in_workspace(self.workspace).visible_to(self.request.user)
        return get_object_or_404(visible, pk=self.kwargs["dataset_id"])


class ItemPagination(CursorPagination):
    """In the order items were added."""

    ordering = "key"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class DatasetItemViewSet(OfDataset, viewsets.GenericViewSet[DatasetItem]):
    """Examples of one dataset."""

    queryset = DatasetItem.objects.all()
    serializer_class = DatasetItemSerializer
    pagination_class = ItemPagination

    @extend_schema(summary="List examples", parameters=[_VERSION])
    def list(self, request: Request, dataset_id: UUID) -> Response:
        """The current ones, or those of a frozen version."""
        dataset = self.dataset
        page = self.paginate_queryset(_items(dataset, _version(dataset, request)))
        return self.get_paginated_response(DatasetItemSerializer(page, many=True).data)

    @extend_schema(summary="Add an example", request=DatasetItemInput, responses={201: DatasetItemSerializer})
    @idempotent
    def create(self, request: Request, dataset_id: UUID) -> Response:
        """Messages in OpenAI's shape, the last one the question; or an input of any JSON."""
        dataset = self.dataset
        content = _content(self._body(partial=False))
        item = item_service.add_item(actor=self.actor, dataset=dataset, content=content)
        return Response(DatasetItemSerializer(item).data, status=201)

    @extend_schema(summary="Read an example")
    def retrieve(self, request: Request, dataset_id: UUID, item_id: UUID) -> Response:
        """As it is now."""
        return Response(DatasetItemSerializer(self._item(item_id)).data)

    @extend_schema(summary="Change an example", request=DatasetItemInput, responses=DatasetItemSerializer)
    def partial_update(self, request: Request, dataset_id: UUID, item_id: UUID) -> Response:
        """Frozen versions keep what they hold."""
        item = self._item(item_id)
        content = _content(self._body(partial=True), item)
        changed = item_service.update_item(
            actor=self.actor, dataset=self.dataset, key=item.key, content=content
        )
        return Response(DatasetItemSerializer(changed).data)

    @extend_schema(summary="Delete an example", responses={204: None})
    def destroy(self, request: Request, dataset_id: UUID, item_id: UUID) -> Response:
        """Frozen versions keep what they hold."""
        item_service.delete_item(actor=self.actor, dataset=self.dataset, key=item_id)
        return Response(status=204)

    def _item(self, item_id: UUID) -> DatasetItem:
        item = DatasetItem.objects.current().filter(dataset=self.dataset, key=item_id).first()
        if item is None:
            raise NotFound
        return item

    def _body(self, *, partial: bool) -> dict[str, Any]:
        serializer = DatasetItemInput(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class NumberPagination(CursorPagination):
    """Newest version first."""

    ordering = "-number"
    page_size = 50


class DatasetVersionViewSet(OfDataset, viewsets.GenericViewSet[DatasetVersion]):
    """Frozen versions of one dataset."""

    queryset = DatasetVersion.objects.all()
    serializer_class = DatasetVersionSerializer
    pagination_class = NumberPagination

    @extend_schema(summary="List versions")
    def list(self, request: Request, dataset_id: UUID) -> Response:
        """Newest first."""
        page = self.paginate_queryset(DatasetVersion.objects.filter(dataset=self.dataset))
        return self.get_paginated_response(DatasetVersionSerializer(page, many=True).data)

    @extend_schema(
        summary="Freeze a version", request=DatasetVersionInput, responses={201: DatasetVersionSerializer}
    )
    @idempotent
    def create(self, request: Request, dataset_id: UUID) -> Response:
        """Returns the newest version when nothing changed since."""
        serializer = DatasetVersionInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = version_service.freeze(
            actor=self.actor, dataset=self.dataset, note=serializer.validated_data["note"]
        )
        return Response(DatasetVersionSerializer(version).data, status=201)
