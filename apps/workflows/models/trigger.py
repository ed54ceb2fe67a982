"""What starts workflows by itself."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.core.secrets import EncryptedTextField
from apps.workflows.models.run import WorkflowRun
from apps.workflows.models.workflow import Workflow
from apps.workflows.querysets import TriggerFiringQuerySet, TriggerQuerySet


class TriggerType(models.TextChoices):
    """Kinds of triggers."""

    SCHEDULE = "schedule", _("Schedule")
    WEBHOOK = "webhook", _("Webhook")
    EVENT = "event", _("Event")


class Trigger(WorkspaceModel):
    """A schedule, a webhook or an event that starts the published version of a workflow.

    `config` is checked by `triggers.config`. A webhook's `token` is its address, `secret` signs its calls.
    `next_fire_at` is a schedule's next moment; `event` is what an event trigger listens to.
    """

    access = Access()

    workflow = models.ForeignKey(
        Workflow, models.CASCADE, related_name="triggers", verbose_name=_("workflow")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=TriggerType.choices)
    name = models.CharField(_("name"), max_length=120, blank=True)
    config = JSONField(_("settings"), default=dict)
    secret = EncryptedTextField(_("secret"), null=True, blank=True, editable=False)
    token = models.CharField(max_length=43, null=True, blank=True, unique=True, editable=False)
    event = models.CharField(_("event"), max_length=60, blank=True)
    enabled = models.BooleanField(_("on"), default=True)
    last_fired_at = models.DateTimeField(_("last fired"), null=True, blank=True, editable=False)
    next_fire_at = models.DateTimeField(_("fires next"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    objects = TriggerQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="workflows_trigger_newest"),
            models.Index(
                fields=["next_fire_at"],
                name="workflows_trigger_due",
                condition=models.Q(kind="schedule", enabled=True),
            ),
            models.Index(
                fields=["workspace", "event"],
                name="workflows_trigger_event",
                condition=models.Q(kind="event", enabled=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.get_kind_display())


class FiringState(models.TextChoices):
    """What came of a firing."""

    STARTED = "started", _("Started a run")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")


class TriggerFiring(WorkspaceModel):
    """One firing. The unique `key` is written in the transaction that starts the run: it happens once."""

    access = Access()

    trigger = models.ForeignKey(
        Trigger, models.CASCADE, related_name="firings", verbose_name=_("trigger"), db_index=False
    )
    key = models.CharField(max_length=200, editable=False)
    scheduled_for = models.DateTimeField(_("planned for"), null=True, blank=True)
    state = models.CharField(
        _("state"), max_length=7, choices=FiringState.choices, default=FiringState.STARTED
    )
    run = models.ForeignKey(
        WorkflowRun, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("run")
    )
    error = models.TextField(_("error"), blank=True)

    objects = TriggerFiringQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("firing")
        verbose_name_plural = _("firings")
        constraints = [models.UniqueConstraint(fields=["trigger", "key"], name="workflows_firing_once")]
        indexes = [
            models.Index(fields=["trigger", "-id"], name="workflows_firing_list"),
            models.Index(fields=["created_at"], name="workflows_firing_age"),
        ]

    def __str__(self) -> str:
        return self.key
