"""What the start page says about workflows."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.dashboard import Card, Step
from apps.core.models import Workspace
from apps.workflows.admin.lists import first_id
from apps.workflows.models import RunState, WorkflowRun


def runs_card(request: HttpRequest) -> Card | None:
    """Runs of the last 24 hours."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    since = timezone.now() - timedelta(hours=24)
    runs = WorkflowRun.objects.in_workspace(workspace).top_level().filter(pk__gte=first_id(since)).order_by()
    hours = {
        hour: (total, failed)
        for hour, total, failed in runs.annotate(hour=TruncHour("queued_at"))
        .values("hour")
        .annotate(n=Count("pk"), failed=Count("pk", filter=Q(state=RunState.FAILED)))
        .values_list("hour", "n", "failed")
    }
    first = since.replace(minute=0, second=0, microsecond=0)
    total = sum(n for n, _failed in hours.values())
    failed = sum(failed for _n, failed in hours.values())
    return Card(
        title=_("Workflow runs"),
        value=f"{total:,}",
        hint=ngettext("%(n)d failed, last 24 hours", "%(n)d failed, last 24 hours", failed) % {"n": failed},
        url=reverse("admin:workflows_runs") + "?range=24h",
        series=[float(hours.get(first + timedelta(hours=at), (0, 0))[0]) for at in range(25)],
        tone="warn" if failed else "",
    )


def run_step(request: HttpRequest) -> Step:
    """Run a workflow."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return Step(
        title=_("Run a workflow"),
        hint=_("A graph of steps that runs durably; watch each step as it happens."),
        url=reverse("admin:workflows_workflows"),
        done=WorkflowRun.objects.in_workspace(workspace).exists(),
    )
