"""A queue of answers that people judge."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.querysets import AnnotationQueueQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


class AnnotationQueue(WorkspaceModel):
    """What to judge and how: instructions, labels, and the dataset that corrections go to.

    `labels` is a list of {"name", "color", "key"}; `filter` the last used rule for filling the queue
    (see `apps.annotations.filters.ItemFilter`).
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER,
        add=Role.EDITOR,
        change=Role.EDITOR,
        delete=Role.EDITOR,
        extra={"annotate": Role.ANNOTATOR},
    )

    name = models.CharField(_("name"), max_length=120)
    instructions = models.TextField(
        _("instructions"), blank=True, help_text=_("Shown beside every item: what a good answer is here.")
    )
    labels = JSONField(_("labels"), default=list, blank=True)
    annotators_per_item = models.PositiveSmallIntegerField(
        _("annotators per item"),
        default=1,
        help_text=_("An item is done when this many different people have judged it."),
    )
    dataset = models.ForeignKey(
        "annotations.Dataset",
        verbose_name=_("dataset for corrections"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="queues",
        help_text=_("Each corrected answer becomes an item of this dataset."),
    )
    filter = JSONField(_("filter"), default=dict, blank=True, editable=False)

    objects = AnnotationQueueQuerySet.as_manager()

    class Meta:
        verbose_name = _("annotation queue")
        verbose_name_plural = _("annotation queues")
        ordering = ("-created_at", "-id")
        permissions = [("annotate_annotationqueue", "Can annotate items of an annotation queue")]
        constraints = [
            models.UniqueConstraint(fields=("workspace", "name"), name="annotations_queue_name"),
            models.CheckConstraint(
                condition=models.Q(annotators_per_item__range=(1, 9)), name="annotations_queue_annotators"
            ),
        ]

    def __str__(self) -> str:
        return self.name
