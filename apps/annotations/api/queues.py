"""/annotation-queues/: queues, their items, and the round an annotator walks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.api.serializers import (
    AddedSerializer,
    AddItemsInput,
    AnnotationInput,
    DeskItemSerializer,
    ItemIdsInput,
    ItemIdsSerializer,
    QueueInput,
    QueueItemSerializer,
    QueueSerializer,
    SkipInput,
    SubmittedSerializer,
    desk_data,
)
from apps.annotations.filters import ItemFilter
from apps.annotations.models import AnnotationQueue, Dataset, ItemState, QueueItem
from apps.annotations.progress import progress_of
from apps.annotations.selectors import desk_item, recent_items
from apps.annotations.services import annotation as annotation_service
from apps.annotations.services import annotation_queue as queue_service
from apps.annotations.services import queue_item as item_service
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped, WorkspaceViewSet
from apps.core.exceptions import NotFound
from apps.tracing.selection import traces_named


@extend_schema_view(
    list=extend_schema(summary="List annotation queues"),
    retrieve=extend_schema(summary="Read an annotation queue"),
    create=extend_schema(
        summary="Create an annotation queue", request=QueueInput, responses={201: QueueSerializer}
    ),
    partial_update=extend_schema(
        summary="Change an annotation queue", request=QueueInput, responses={200: QueueSerializer}
    ),
    destroy=extend_schema(summary="Delete an annotation queue"),
)
class AnnotationQueueViewSet(WorkspaceViewSet[AnnotationQueue]):
    """Queues of answers that people judge."""

    queryset = AnnotationQueue.objects.with_progress()
    serializer_class = QueueSerializer
    input_serializer_class = QueueInput

    def perform_create(self, serializer: Any) -> AnnotationQueue:  # type: ignore[override]  # returns the object
        """Call the service."""
        return queue_service.create_queue(
            actor=self.actor, workspace=self.workspace, **self._values(serializer.validated_data)
        )

    def perform_update(self, serializer: Any) -> AnnotationQueue:  # type: ignore[override]  # returns the object
        """Call the service."""
        return queue_service.update_queue(
            actor=self.actor, queue=serializer.instance, **self._values(serializer.validated_data)
        )

    def perform_destroy(self, instance: AnnotationQueue) -> None:
        """Call the service."""
        queue_service.delete_queue(actor=self.actor, queue=instance)

    def _values(self, data: dict[str, Any]) -> dict[str, Any]:
        values = dict(data)
        if values.get("dataset") is not None:
            datasets = Dataset.objects.in_workspace(self.workspace).visible_to(self.request.user)
            dataset = datasets.filter(pk=values["dataset"]).first()
            if dataset is None:
                raise NotFound
            values["dataset"] = dataset
        return values


class PositionPagination(CursorPagination):
    """In the order of the queue."""

    ordering = ("position", "pk")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class QueueItemViewSet(WorkspaceScoped[QueueItem], viewsets.GenericViewSet[QueueItem]):
    """Items of one queue."""

    queryset = QueueItem.objects.select_related("queue")
    serializer_class = QueueItemSerializer
    pagination_class = PositionPagination

    @property
    def queue(self) -> AnnotationQueue:
        """The queue of the address; 404 for those who may not see it."""
        visible = AnnotationQueue.objects.in_workspace(self.workspace).visible_to(self.request.user)
        return get_object_or_404(visible, pk=self.kwargs["queue_id"])

    def _item(self, item_id: UUID) -> QueueItem:
        return get_object_or_404(
            QueueItem.objects.select_related("queue", "queue__workspace"), queue=self.queue, pk=item_id
        )

    def _body(self, kind: type[Any]) -> dict[str, Any]:
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @extend_schema(
        summary="List the items of a queue",
        parameters=[
            OpenApiParameter("state", enum=ItemState.values, description="Only items in this state.")
        ],
    )
    def list(self, request: Request, queue_id: UUID) -> Response:
        """In the order of the queue."""
        items = QueueItem.objects.filter(queue=self.queue)
        if state := request.query_params.get("state"):
            items = items.filter(state=state)
        page = self.paginate_queryset(items)
        return self.get_paginated_response(QueueItemSerializer(page, many=True).data)

    @extend_schema(summary="Add answers to a queue", request=AddItemsInput, responses={201: AddedSerializer})
    @idempotent
    def create(self, request: Request, queue_id: UUID) -> Response:
        """Single answers, whole conversations, traces, or a rule; what is in the queue already is passed over."""
        queue = self.queue
        data = self._body(AddItemsInput)
        if "messages" in data:
            added = item_service.add_messages(actor=self.actor, queue=queue, messages=data["messages"])
        elif "conversations" in data:
            added = item_service.add_conversations(
                actor=self.actor, queue=queue, conversations=data["conversations"]
            )
        elif "traces" in data:
            rows = traces_named(self.workspace, request.user, data["traces"])
            added = item_service.add_traces(actor=self.actor, queue=queue, rows=rows)
        else:
            raw = {
                name: list(value) if isinstance(value, set) else value
                for name, value in data["filter"].items()
            }
            added = item_service.add_matching(actor=self.actor, queue=queue, rule=ItemFilter.parse(raw))
        return Response({"added": added}, status=201)

    @extend_schema(summary="Read an item with its conversation", responses=DeskItemSerializer)
    def retrieve(self, request: Request, queue_id: UUID, item_id: UUID) -> Response:
        """Everything the desk shows."""
        return Response(desk_data(desk_item(self._item(item_id), self._user())))

    @extend_schema(summary="Take an item out of its queue", responses={204: None})
    def destroy(self, request: Request, queue_id: UUID, item_id: UUID) -> Response:
        """With its annotations."""
        item_service.remove_item(actor=self.actor, item=self._item(item_id))
        return Response(status=204)

    @extend_schema(
        summary="Lease the next item",
        request=ItemIdsInput,
        responses={200: DeskItemSerializer, 204: OpenApiResponse(description="Nothing is left for you.")},
    )
    def next(self, request: Request, queue_id: UUID) -> Response:
        """`items` names those you have already, so that the one after can be fetched ahead."""
        passing = self._body(ItemIdsInput)["items"]
        item = item_service.next_item(actor=self.actor, queue=self.queue, passing=passing)
        if item is None:
            return Response(status=204)
        return Response(desk_data(desk_item(item, self._user())))

    @extend_schema(summary="Renew leases", request=ItemIdsInput, responses=ItemIdsSerializer)
    def keep(self, request: Request, queue_id: UUID) -> Response:
        """Answers the ids that still are yours."""
        items = self._body(ItemIdsInput)["items"]
        return Response({"items": item_service.keep(actor=self.actor, queue=self.queue, items=items)})

    @extend_schema(summary="Give leased items back", request=ItemIdsInput, responses={204: None})
    def release(self, request: Request, queue_id: UUID) -> Response:
        """Others get them at once, without waiting for the lease to run out."""
        items = self._body(ItemIdsInput)["items"]
        item_service.release(actor=self.actor, queue=self.queue, items=items)
        return Response(status=204)

    @extend_schema(summary="Ids of the items you judged last", responses=ItemIdsSerializer)
    def recent(self, request: Request, queue_id: UUID) -> Response:
        """Oldest first, at most 50."""
        return Response({"items": [item.pk for item in recent_items(self.queue, self._user())]})

    @extend_schema(
        summary="Submit a judgement", request=AnnotationInput, responses={200: SubmittedSerializer}
    )
    def submit(self, request: Request, queue_id: UUID, item_id: UUID) -> Response:
        """Submitting again edits."""
        judgement = annotation_service.Judgement(**self._body(AnnotationInput))
        item = self._item(item_id)
        annotation = annotation_service.submit(actor=self.actor, item=item, judgement=judgement)
        body = {"annotation": annotation, "progress": progress_of(item.queue)}
        return Response(SubmittedSerializer(body).data)

    @extend_schema(summary="Skip an item", request=SkipInput, responses=QueueItemSerializer)
    def skip(self, request: Request, queue_id: UUID, item_id: UUID) -> Response:
        """It can't be judged; an editor may reopen it."""
        reason = self._body(SkipInput)["reason"]
        item = item_service.skip(actor=self.actor, item=self._item(item_id), reason=reason)
        return Response(QueueItemSerializer(item).data)

    @extend_schema(summary="Reopen an item", request=None, responses=QueueItemSerializer)
    def reopen(self, request: Request, queue_id: UUID, item_id: UUID) -> Response:
        """Back into the pool."""
        item = item_service.reopen(actor=self.actor, item=self._item(item_id))
        return Response(QueueItemSerializer(item).data)

    def _user(self) -> Any:
        return self.request.user
