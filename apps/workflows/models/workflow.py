"""Workflows."""

from __future__ import annotations

from typing import Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.core.secrets import EncryptedJSONField
from apps.workflows.querysets import WorkflowQuerySet

MAX_CONCURRENCY: Final = 10_000
#: A century; PostgreSQL has no time for what lies much further.
MAX_KEPT_DAYS: Final = 36_500


class WorkflowKind(models.TextChoices):
    """What a workflow is for."""

    WORKFLOW = "workflow", _("Workflow")
    CHATFLOW = "chatflow", _("Chatflow")


class Workflow(WorkspaceModel):
    """A graph of nodes: a draft that is worked on, and published versions that runs use.

    `draft` is a document of the language `flywheel/v1`, `draft_text` its YAML as it was typed. `draft_revision` counts
    its saves; whoever saves names the revision they started from. `secrets` holds the values of secret environment
    variables, which no document has.
    """

    # `run` is for published versions; the draft is run by those who may change it
    access = Access(extra={"run": Role.VIEWER})

    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=1_000, blank=True)
    icon = models.CharField(_("icon"), max_length=60, default="account_tree")
    kind = models.CharField(
        _("kind"), max_length=8, choices=WorkflowKind.choices, default=WorkflowKind.WORKFLOW
    )
    draft = JSONField(_("draft"), default=dict)
    #: The draft as somebody wrote it, with comments and a layout of its own; "" when it was written by a program.
    draft_text = models.TextField(default="", blank=True, editable=False)
    draft_revision = models.PositiveIntegerField(_("revision of the draft"), default=1, editable=False)
    published = models.ForeignKey(
        "workflows.WorkflowVersion",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("published version"),
    )
    concurrency = models.PositiveIntegerField(
        _("runs at the same time"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CONCURRENCY)],
        help_text=_("More runs than this wait in the queue; empty sets no limit."),
    )
    keep_runs_days = models.PositiveIntegerField(
        _("keep runs for (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_KEPT_DAYS)],
        help_text=_("Details of nodes are deleted after this time; empty takes the installation's setting."),
    )
    secrets = EncryptedJSONField(_("secrets"), default=dict, editable=False)
    archived = models.BooleanField(_("archived"), default=False, editable=False)

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        indexes = [
            models.Index(fields=["workspace", "archived", "name"], name="workflows_wf_by_name"),
            models.Index(fields=["workspace", "-created_at"], name="workflows_wf_newest"),
        ]

    def __str__(self) -> str:
        return self.name
