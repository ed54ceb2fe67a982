"""Chainable reads of workflows, their versions, runs and triggers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models

from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from apps.core.models import Workspace
    from apps.workflows.models import (  # noqa: F401  # for the type parameters
        RunWait,
        Trigger,
        TriggerFiring,
        Workflow,
        WorkflowRun,
        WorkflowVersion,
    )

#: A run in one of these won't change any more.
FINAL_STATES = ("succeeded", "partial", "failed", "stopped")


class WorkflowQuerySet(WorkspaceQuerySet["Workflow"]):
    """Workflows."""

    def active(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived=False)

    def with_latest_run(self) -> Self:
        """Adds `last_run_at` and `last_run_state`, of the newest run."""
        # by name: the models import this module
        runs = apps.get_model("workflows", "WorkflowRun")._default_manager
        newest = runs.filter(workflow=models.OuterRef("pk")).order_by("-id")
        return self.annotate(
            last_run_at=models.Subquery(newest.values("queued_at")[:1]),
            last_run_state=models.Subquery(newest.values("state")[:1]),
        )


class WorkflowVersionQuerySet(WorkspaceQuerySet["WorkflowVersion"]):
    """Published versions."""

    def newest_first(self) -> Self:
        """By number."""
        return self.order_by("-number")


class WorkflowRunQuerySet(WorkspaceQuerySet["WorkflowRun"]):
    """Runs."""

    def newest_first(self) -> Self:
        """By id, which is time ordered."""
        return self.order_by("-id")

    def open(self) -> Self:
        """Runs that have not ended: queued, running or waiting for an answer."""
        return self.exclude(state__in=FINAL_STATES)

    def ended(self) -> Self:
        """Runs that won't change any more."""
        return self.filter(state__in=FINAL_STATES)

    def with_old_ledgers(self, before: datetime) -> Self:
        """Ended runs whose ledger is still kept although they ended before `before`."""
        return self.filter(ledger_kept=True, finished_at__lt=before)

    def top_level(self) -> Self:
        """Without runs that another run started, and without trials of single nodes."""
        return self.filter(parent=None).exclude(trigger_kind="debug")


class RunWaitQuerySet(WorkspaceQuerySet["RunWait"]):
    """Questions, forms and approvals that runs wait for."""

    def open(self) -> Self:
        """Those that can still be answered."""
        return self.filter(state="open")

    def overdue(self, now: datetime) -> Self:
        """Open ones whose time is over."""
        return self.open().filter(expires_at__lte=now)


class TriggerQuerySet(WorkspaceQuerySet["Trigger"]):
    """Triggers."""

    def live(self) -> Self:
        """Those that start runs: switched on, of a published workflow that is not archived."""
        return self.filter(enabled=True, workflow__archived=False).exclude(workflow__published=None)

    def due(self, now: datetime) -> Self:
        """Schedules whose moment has come."""
        return self.live().filter(kind="schedule", next_fire_at__lte=now)

    def for_event(self, workspace: Workspace, name: str) -> Self:
        """Those that listen to this event of a workspace."""
        return self.live().filter(kind="event", workspace=workspace, event=name)


class TriggerFiringQuerySet(WorkspaceQuerySet["TriggerFiring"]):
    """What triggers did."""

    def newest_first(self) -> Self:
        """By id, which is time ordered."""
        return self.order_by("-id")
