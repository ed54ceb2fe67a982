"""The trace that an address names, for the pages on it."""

from django.http import Http404, HttpRequest

from apps.core.models import Workspace
from apps.tracing import selectors
from apps.tracing.models import Trace


def trace_or_404(request: HttpRequest, workspace: Workspace, trace_id: str) -> Trace:
    """The trace, or a 404 that does not tell whether it exists elsewhere."""
    trace = selectors.find_trace(user=request.user, workspace=workspace, trace_id=trace_id)
    if trace is None:
        raise Http404
    return trace
