"""Runs of workflows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.workflows.models.version import WorkflowVersion
from apps.workflows.models.workflow import Workflow
from apps.workflows.querysets import FINAL_STATES, WorkflowRunQuerySet


class RunState(models.TextChoices):
    """How far a run is."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting for an answer")
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIAL = "partial", _("Succeeded with errors taken care of")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")

    @property
    def is_final(self) -> bool:
        """Whether the run won't change any more."""
        return self.value in FINAL_STATES


class RunMode(models.TextChoices):
    """Who executes a run."""

    INTERACTIVE = "interactive", _("At once, in a web process")
    BACKGROUND = "background", _("By a runner")


class TriggerKind(models.TextChoices):
    """What started a run."""

    CONSOLE = "console", _("Console")
    API = "api", _("API")
    SCHEDULE = "schedule", _("Schedule")
    WEBHOOK = "webhook", _("Webhook")
    EVENT = "event", _("Event")
    WORKFLOW = "workflow", _("Another workflow")
    RERUN = "rerun", _("Run again")
    DEBUG = "debug", _("Trial of a node")


class WorkflowRun(WorkspaceModel):
    """One execution of a workflow.

    What its nodes did is in the run ledger under the run's id, and nowhere else; this row is what lists show and what
    processes agree on. While a run executes, its process renews `lease_until`; when that is over, any other goes on
    from the ledger. `stalls` counts takeovers in a row between which no node was completed: a run that keeps ending
    its process is given up.
    """

    access = Access(add=Role.VIEWER, extra={"answer": Role.ANNOTATOR})

    workflow = models.ForeignKey(
        Workflow, models.CASCADE, related_name="runs", verbose_name=_("workflow"), db_index=False
    )
    version = models.ForeignKey(
        WorkflowVersion,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="runs",
        verbose_name=_("version"),
        help_text=_("Empty for runs of the draft."),
    )
    document = JSONField(_("document"), null=True, blank=True, editable=False)
    checksum = models.CharField(max_length=64, editable=False)
    state = models.CharField(_("state"), max_length=9, choices=RunState.choices, default=RunState.QUEUED)
    mode = models.CharField(_("executed"), max_length=11, choices=RunMode.choices, default=RunMode.BACKGROUND)
    inputs = JSONField(_("inputs"), default=dict, blank=True)
    #: Further system variables (query, files, event …), see `services.run.system_variables`.
    system = JSONField(default=dict, blank=True, editable=False)
    outputs = JSONField(_("outputs"), null=True, blank=True)
    error = JSONField(_("error"), null=True, blank=True)
    trigger_kind = models.CharField(
        _("started by"), max_length=8, choices=TriggerKind.choices, default=TriggerKind.API
    )
    trigger = models.ForeignKey(
        "workflows.Trigger",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="runs",
        verbose_name=_("trigger"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    external_user = models.CharField(_("external person"), max_length=128, blank=True)
    conversation_id = models.UUIDField(_("conversation"), null=True, blank=True)
    parent = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("started by run"),
    )
    rerun_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="reruns", verbose_name=_("run again of")
    )
    rerun_from = models.CharField(_("from node"), max_length=400, blank=True)
    rerun_edits = JSONField(default=dict, blank=True, editable=False)
    trace_id = models.CharField(_("trace"), max_length=32, blank=True)
    #: Of the run's first span, when it was stored: what runs after a wait goes below it.
    root_span = models.CharField(max_length=16, blank=True, editable=False)
    input_tokens = models.PositiveBigIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=8, default=0)
    steps = models.PositiveIntegerField(_("steps"), default=0)
    elapsed_ms = models.PositiveBigIntegerField(
        _("time"), default=0, help_text=_("Milliseconds of execution.")
    )
    queued_at = models.DateTimeField(_("queued"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    stop_requested = models.BooleanField(default=False, editable=False)
    stop_reason = models.CharField(_("reason of the stop"), max_length=300, blank=True)
    takeovers = models.PositiveIntegerField(_("takeovers"), default=0)
    stalls = models.PositiveIntegerField(default=0, editable=False)
    progress_seq = models.PositiveIntegerField(default=0, editable=False)
    callback_url = models.CharField(_("callback address"), max_length=2_000, blank=True)
    callback_state = models.CharField(max_length=9, blank=True, editable=False)
    ledger_kept = models.BooleanField(default=True, editable=False)

    objects = WorkflowRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="workflows_run_list"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="workflows_run_newest"),
            models.Index(fields=["workflow", "-id"], name="workflows_run_of_workflow"),
            models.Index(fields=["workspace", "state", "-id"], name="workflows_run_state"),
            models.Index(
                fields=["mode", "workflow", "queued_at"],
                name="workflows_run_queue",
                condition=models.Q(state=RunState.QUEUED),
            ),
            models.Index(
                fields=["lease_until", "workflow"],
                name="workflows_run_running",
                condition=models.Q(state=RunState.RUNNING),
            ),
            models.Index(
                fields=["finished_at"], name="workflows_run_ledgers", condition=models.Q(ledger_kept=True)
            ),
            models.Index(
                fields=["finished_at"],
                name="workflows_run_callbacks",
                condition=models.Q(callback_state="pending"),
            ),
            models.Index(
                fields=["conversation_id", "-id"],
                name="workflows_run_conversation",
                condition=models.Q(conversation_id__isnull=False),
            ),
            models.Index(fields=["trace_id"], name="workflows_run_trace", condition=~models.Q(trace_id="")),
            models.Index(
                fields=["workspace", "finished_at"],
                name="workflows_run_failed",
                condition=models.Q(state=RunState.FAILED),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_final(self) -> bool:
        """Whether the run won't change any more."""
        return self.state in FINAL_STATES

    @property
    def source(self) -> dict[str, Any]:
        """The document that the run executes."""
        if self.document is not None:
            document: dict[str, Any] = self.document
            return document
        if self.version is None:
            raise ValueError("A run has a version or a document of its own.")
        published: dict[str, Any] = self.version.document
        return published
