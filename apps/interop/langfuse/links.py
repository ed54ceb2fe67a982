"""Links that SDKs print, led to our pages."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

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
