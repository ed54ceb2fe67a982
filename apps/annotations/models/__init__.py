"""Annotation queues and their items, annotations, datasets and their versions, exports."""

from apps.annotations.models.annotation import Annotation, Verdict
from apps.annotations.models.annotation_queue import AnnotationQueue
from apps.annotations.models.dataset import Dataset
from apps.annotations.models.dataset_item import DatasetItem
from apps.annotations.models.dataset_version import DatasetVersion
from apps.annotations.models.export import Export
from apps.annotations.models.queue_item import ItemState, QueueItem

__all__ = [
    "Annotation",
    "AnnotationQueue",
    "Dataset",
    "DatasetItem",
    "DatasetVersion",
    "Export",
    "ItemState",
    "QueueItem",
    "Verdict",
]
