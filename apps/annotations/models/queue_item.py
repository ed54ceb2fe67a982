"""One answer waiting in a queue."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.annotation_queue import AnnotationQueue
from apps.annotations.querysets import QueueItemQuerySet
from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel


class ItemState(models.TextChoices):
    """Where an item stands."""

    PENDING = "pending", _("Pending")  # waits for an annotator
    ASSIGNED = "assigned", _("In progress")  # leased to one annotator until `lease_until`
    DONE = "done", _("Done")  # judged by as many people as the queue asks for
    SKIPPED = "skipped", _("Skipped")  # an annotator couldn't judge it; an editor may reopen it


class QueueItem(WorkspaceModel):
    """An assistant message to judge, with its conversation as context; or a trace of anything else, or one step of
    it, whose output is judged with its input as context.

    An item is leased, not owned: when `lease_until` passes without a heartbeat it is pending again for
    whoever asks next, without anyone sweeping.
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    queue = models.ForeignKey(
        AnnotationQueue, verbose_name=_("queue"), on_delete=models.CASCADE, related_name="items"
    )
    conversation = models.ForeignKey(
        "agents.Conversation",
        verbose_name=_("conversation"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    message = models.ForeignKey(
        "agents.Message",
        verbose_name=_("answer"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="queue_items",
    )
    #: By their ids: traces are dropped by retention, and what was said about them stays.
    trace_id = models.CharField(_("trace"), max_length=32, blank=True, default="")
    observation_id = models.CharField(_("observation"), max_length=16, blank=True, default="")
    state = models.CharField(_("state"), max_length=16, choices=ItemState, default=ItemState.PENDING)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("assignee"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    position = models.BigIntegerField(_("position"), default=0)
    annotation_count = models.PositiveSmallIntegerField(_("annotations"), default=0)
    skip_reason = models.CharField(_("skip reason"), max_length=500, blank=True)

    objects = QueueItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("queue item")
        verbose_name_plural = _("queue items")
        ordering = ("position", "id")
        constraints = [
            models.UniqueConstraint(fields=("queue", "message"), name="annotations_item_once_per_queue"),
            models.UniqueConstraint(
                fields=("queue", "trace_id", "observation_id"),
                condition=~Q(trace_id=""),
                name="annotations_item_trace_once",
            ),
            models.CheckConstraint(
                condition=Q(message__isnull=False, conversation__isnull=False, trace_id="", observation_id="")
                | (Q(message__isnull=True, conversation__isnull=True) & ~Q(trace_id="")),
                name="annotations_item_one_subject",
            ),
            models.CheckConstraint(
                condition=Q(state=ItemState.ASSIGNED, lease_until__isnull=False)
                | (~Q(state=ItemState.ASSIGNED) & Q(lease_until__isnull=True, assignee__isnull=True)),
                name="annotations_item_lease",
            ),
        ]
        indexes = [
            # the pool `next_item` picks from: small however long the queue's history is
            models.Index(
                fields=("queue", "position", "id"),
                condition=Q(state__in=("pending", "assigned")),
                name="annotations_item_pool",
            ),
            models.Index(fields=("queue", "state", "position", "id"), name="annotations_item_state"),
            models.Index(
                fields=("workspace", "trace_id"), condition=~Q(trace_id=""), name="annotations_item_trace"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.queue_id}:{self.position}"
