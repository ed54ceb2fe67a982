"""Work that goes on in the background."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models.base import WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", _("Queued")  # waits for a worker
    RUNNING = "running", _("Running")  # a worker holds the lease
    SUCCEEDED = "succeeded", _("Succeeded")  # done
    FAILED = "failed", _("Failed")  # ended with `error`
    CANCELLED = "cancelled", _("Cancelled")  # ended because somebody asked for it

    @property
    def is_final(self) -> bool:
        """Nothing more happens to a job in this state."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class JobQuerySet(WorkspaceQuerySet["Job"]):
    """Jobs."""

    def open(self) -> JobQuerySet:
        """Jobs that are not finished."""
        return self.filter(state__in=[JobState.QUEUED, JobState.RUNNING])


class Job(WorkspaceModel):
    """One piece of background work that somebody waits for: the truth about it, whatever happens to messages.

    While a worker runs it, `lease_until` is kept in the future by a heartbeat; when it lies in the past, the process is
    gone and the sweeper wakes another worker.
    """

    access = Access(view=Role.VIEWER, add=Role.EDITOR, change=Role.EDITOR, delete=Role.ADMIN)

    task = models.CharField(_("task"), max_length=80)
    title = models.CharField(_("title"), max_length=200, blank=True)
    queue = models.CharField(_("queue"), max_length=20)
    args = JSONField(default=dict)
    subject_type = models.CharField(max_length=80, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("total"), default=0)
    message = models.CharField(_("message"), max_length=300, blank=True)
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    cancel_requested = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("started by")
    )
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="core_job_list"),
            models.Index(fields=["subject_type", "subject_id", "-created_at"], name="core_job_subject"),
            models.Index(
                fields=["state", "lease_until"],
                name="core_job_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.task

    @property
    def percent(self) -> int:
        """Progress from 0 to 100."""
        if self.state == JobState.SUCCEEDED:
            return 100
        return min(100, self.done * 100 // self.total) if self.total else 0
