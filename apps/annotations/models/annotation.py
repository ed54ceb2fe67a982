"""What one person said about one answer."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.queue_item import QueueItem
from apps.annotations.querysets import AnnotationQuerySet
from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel


class Verdict(models.TextChoices):
    """The thumb."""

    UP = "up", _("Good")
    DOWN = "down", _("Bad")


class Annotation(WorkspaceModel):
    """A judgement: thumb, labels, a better answer, a comment. One per person and item."""

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.ANNOTATOR, change=Role.ANNOTATOR, delete=Role.EDITOR
    )

    item = models.ForeignKey(
        QueueItem, verbose_name=_("item"), on_delete=models.CASCADE, related_name="annotations"
    )
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("annotator"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    verdict = models.CharField(_("verdict"), max_length=8, choices=Verdict, blank=True)
    labels = ArrayField(models.CharField(max_length=60), verbose_name=_("labels"), default=list, blank=True)
    corrected_answer = models.TextField(_("corrected answer"), blank=True)
    comment = models.TextField(_("comment"), blank=True)
    duration_ms = models.PositiveIntegerField(_("time spent"), default=0)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        verbose_name = _("annotation")
        verbose_name_plural = _("annotations")
        ordering = ("-updated_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=("item", "annotator"), name="annotations_annotation_once"),
            models.CheckConstraint(
                condition=~models.Q(verdict="", labels=[], corrected_answer="", comment=""),
                name="annotations_annotation_says_something",
            ),
        ]
        indexes = [models.Index(fields=("annotator", "-updated_at"), name="annotations_annotation_recent")]

    def __str__(self) -> str:
        return f"{self.item_id} {self.verdict}"
