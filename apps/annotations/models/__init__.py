"""Annotation queues and their items, annotations, datasets with their versions and runs, exports."""

from apps.annotations.models.annotation import Annotation, Verdict
from apps.annotations.models.annotation_queue import AnnotationQueue
from apps.annotations.models.dataset import Dataset
from apps.annotations.models.dataset_item import DatasetItem, ItemShape
from apps.annotations.models.dataset_run import DatasetRun, DatasetRunItem, run_code
from apps.annotations.models.dataset_version import DatasetVersion
from apps.annotations.models.export import Export
from apps.annotations.models.queue_item import ItemState, QueueItem

__all__ = [
    "Annotation",
    "AnnotationQueue",
    "Dataset",
    "DatasetItem",
    "DatasetRun",
    "DatasetRunItem",
    "DatasetVersion",
    "Export",
    "ItemShape",
    "ItemState",
    "QueueItem",
    "Verdict",
    "run_code",
]
