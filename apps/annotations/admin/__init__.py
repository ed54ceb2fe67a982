"""The console of this app: lists and forms, the desk, dataset pages, the trace panel."""

from __future__ import annotations

from django.contrib import admin

from apps.annotations.admin.annotation_queue import AnnotationQueueAdmin
from apps.annotations.admin.dataset import DatasetAdmin
from apps.annotations.admin.export import ExportAdmin
from apps.annotations.admin.queue_item import QueueItemAdmin
from apps.annotations.models import AnnotationQueue, Dataset, Export, QueueItem

admin.site.register(AnnotationQueue, AnnotationQueueAdmin)
admin.site.register(QueueItem, QueueItemAdmin)
admin.site.register(Dataset, DatasetAdmin)
admin.site.register(Export, ExportAdmin)
