"""Links that SDKs print, led to our pages."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from apps.annotations.models import Dataset, DatasetRun
from apps.core.middleware import SESSION_KEY
from apps.core.models import Workspace
from apps.tracing.selectors import find_trace


@login_required(login_url="admin:login")
def trace_link(request: HttpRequest, project_id: UUID, trace_id: str) -> HttpResponse:
    """To the trace's page, in its workspace."""
    workspace = get_object_or_404(Workspace.objects.visible_to(request.user), pk=project_id)
    if find_trace(user=request.user, workspace=workspace, trace_id=trace_id) is None:
        raise Http404
    request.session[SESSION_KEY] = str(workspace.pk)
    return redirect("admin:tracing_trace", trace_id)


@login_required(login_url="admin:login")
def run_link(request: HttpRequest, project_id: UUID, dataset_id: UUID, code: str) -> HttpResponse:
    """To the page of a run over a dataset."""
    return _to_run(request, project_id, code)


@login_required(login_url="admin:login")
def experiment_link(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The same, as the newer SDKs write it."""
    return _to_run(request, project_id, request.GET.get("baseline", ""))


def _to_run(request: HttpRequest, project_id: UUID, code: str) -> HttpResponse:
    workspace = get_object_or_404(Workspace.objects.visible_to(request.user), pk=project_id)
    visible = Dataset.objects.in_workspace(workspace).visible_to(request.user)
    run = get_object_or_404(DatasetRun, dataset__in=visible, code=code.replace("\0", ""))
    request.session[SESSION_KEY] = str(workspace.pk)
    return redirect("admin:annotations_dataset_run", run.dataset_id, run.pk)
