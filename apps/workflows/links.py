"""From a trace back to the run it is the trace of."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from apps.tracing.links import Link
from apps.workflows.models import WorkflowRun

SOURCE = "workflows.run"


def run_link(run_id: UUID) -> Link | None:
    """The page of the run."""
    name = WorkflowRun.objects.filter(pk=run_id).values_list("workflow__name", flat=True).first()
    return None if name is None else Link(name, reverse("admin:workflows_run", args=[run_id]))
