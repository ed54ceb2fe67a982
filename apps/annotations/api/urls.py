"""Addresses below /api/v1/."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.annotations.api.datasets import DatasetItemViewSet, DatasetVersionViewSet, DatasetViewSet
from apps.annotations.api.exports import ExportViewSet
from apps.annotations.api.queues import AnnotationQueueViewSet, QueueItemViewSet
from apps.annotations.api.runs import DatasetRunViewSet, RunItemViewSet

router = SimpleRouter()
router.register("annotation-queues", AnnotationQueueViewSet, basename="annotations-queue")
router.register("datasets", DatasetViewSet, basename="annotations-dataset")
router.register("exports", ExportViewSet, basename="annotations-export")

_items = QueueItemViewSet.as_view
_queue = "annotation-queues/<uuid:queue_id>"
_dataset = "datasets/<uuid:dataset_id>"

urlpatterns = [
    path(f"{_queue}/items/", _items({"get": "list", "post": "create"}), name="annotations-item-list"),
    path(f"{_queue}/next/", _items({"post": "next"}), name="annotations-item-next"),
    path(f"{_queue}/keep/", _items({"post": "keep"}), name="annotations-item-keep"),
    path(f"{_queue}/release/", _items({"post": "release"}), name="annotations-item-release"),
    path(f"{_queue}/recent/", _items({"get": "recent"}), name="annotations-item-recent"),
    path(
        f"{_queue}/items/<uuid:item_id>/",
        _items({"get": "retrieve", "delete": "destroy"}),
        name="annotations-item-detail",
    ),
    path(
        f"{_queue}/items/<uuid:item_id>/submit/", _items({"post": "submit"}), name="annotations-item-submit"
    ),
    path(f"{_queue}/items/<uuid:item_id>/skip/", _items({"post": "skip"}), name="annotations-item-skip"),
    path(
        f"{_queue}/items/<uuid:item_id>/reopen/", _items({"post": "reopen"}), name="annotations-item-reopen"
    ),
    path(
        f"{_dataset}/items/",
        DatasetItemViewSet.as_view({"get": "list", "post": "create"}),
        name="annotations-dataset-item-list",
    ),
    path(
        f"{_dataset}/items/<uuid:item_id>/",
        DatasetItemViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="annotations-dataset-item-detail",
    ),
    path(
        f"{_dataset}/versions/",
        DatasetVersionViewSet.as_view({"get": "list", "post": "create"}),
        name="annotations-dataset-version-list",
    ),
    path(
        f"{_dataset}/runs/",
        DatasetRunViewSet.as_view({"get": "list", "post": "create"}),
        name="annotations-dataset-run-list",
    ),
    path(
        f"{_dataset}/runs/<uuid:run_id>/",
        DatasetRunViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="annotations-dataset-run-detail",
    ),
    path(
        f"{_dataset}/runs/<uuid:run_id>/items/",
        RunItemViewSet.as_view({"get": "list", "post": "create"}),
        name="annotations-dataset-run-item-list",
    ),
    path("", include(router.urls)),
]
