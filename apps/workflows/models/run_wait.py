"""What runs wait for."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.workflows.models.run import WorkflowRun
from apps.workflows.querysets import RunWaitQuerySet


class WaitState(models.TextChoices):
    """What became of a wait."""

    OPEN = "open", _("Open")
    ANSWERED = "answered", _("Answered")
    EXPIRED = "expired", _("Not answered in time")
    CANCELLED = "cancelled", _("The run ended")


def new_token() -> str:
    """The secret part of the address of a form, 32 characters."""
    return secrets.token_urlsafe(24)


class RunWait(WorkspaceModel):
    """A question, a form or an approval. `path` is the node's, `payload` what is to be shown.

    Whoever has `token` may answer: it is the address of the form's page.
    """

    access = Access(add=Role.VIEWER, extra={"answer": Role.ANNOTATOR})

    run = models.ForeignKey(WorkflowRun, models.CASCADE, related_name="waits", verbose_name=_("run"))
    path = models.CharField(_("node"), max_length=400)
    kind = models.CharField(_("kind"), max_length=40)
    payload = JSONField(_("content"), default=dict)
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    expires_at = models.DateTimeField(_("until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=WaitState.choices, default=WaitState.OPEN)
    answer = JSONField(_("answer"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    objects = RunWaitQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = _("wait")
        verbose_name_plural = _("waits")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "path"],
                condition=models.Q(state=WaitState.OPEN),
                name="workflows_wait_open_once",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "state", "-created_at"], name="workflows_wait_list"),
            models.Index(fields=["workspace", "-created_at"], name="workflows_wait_newest"),
            models.Index(
                fields=["expires_at"], name="workflows_wait_overdue", condition=models.Q(state=WaitState.OPEN)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"
