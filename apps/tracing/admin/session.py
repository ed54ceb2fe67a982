"""The page of one session."""

from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.tracing import selectors
from apps.tracing.models import Trace

SESSION_LIMIT = 500


class SessionPage(ConsolePage):
    """The traces of a session, in the order they happened."""

    template_name = "tracing/session_detail.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures and the first traces of the session."""
        session_id = kwargs["session_id"]
        found = Trace.objects.in_workspace(self.workspace).visible_to(request.user).of_session(session_id)
        traces = list(found[:SESSION_LIMIT])
        if not traces:
            raise Http404
        scores = selectors.scores_of(self.workspace, [trace.trace_id for trace in traces])
        for trace in traces:
            trace.scores = scores.get(trace.trace_id, [])  # type: ignore[attr-defined]  # for the template
        figures = selectors.session_figures(found)
        return {
            "title": _("Session"),
            "session_id": session_id,
            "traces": traces,
            "figures": figures,
            "hidden_count": figures.count - len(traces),
            "list_url": reverse("admin:tracing_traces"),
        }
