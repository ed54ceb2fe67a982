"""Sessions as SDKs read them."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Max, Min
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import NotFound
from apps.interop.base import AdapterView
from apps.interop.langfuse.pages import BoundedPage
from apps.interop.langfuse.stream import answer
from apps.interop.langfuse.trace import rows
from apps.interop.langfuse.values import between, listed
from apps.tracing.models import Trace

#: Traces that one answer holds.
MAX_TRACES: Final = 1_000


class SessionsView(AdapterView):
    """`/sessions`."""

    def get(self, request: Request) -> Response:
        """A page, the one that began last first."""
        query = request.query_params
        traces = Trace.objects.in_workspace(self.workspace).visible_to(request.user).exclude(session_id="")
        if environments := listed(query, "environment"):
            traces = traces.filter(environment__in=environments)
        traces = between(traces, query, "start_time")
        sessions: Any = (
            traces.order_by()
            .values("session_id")
            .annotate(began=Min("start_time"), environment_name=Max("environment"))
        )
        page: Any = BoundedPage.of(sessions.order_by("-began", "session_id"), query)
        return Response(page.body([self._row(**session) for session in page.rows]))

    def _row(self, session_id: str, began: Any, environment_name: str) -> dict[str, Any]:
        return {
            "id": session_id,
            "createdAt": began,
            "projectId": str(self.workspace.pk),
            "environment": environment_name or "default",
        }


class SessionView(AdapterView):
    """One session by its id, which may hold slashes."""

    def get(self, request: Request, session_id: str) -> HttpResponseBase:
        """With its first thousand traces."""
        visible = Trace.objects.in_workspace(self.workspace).visible_to(request.user)
        name = session_id.replace("\0", "")
        traces = list(visible.filter(session_id__in={name, name.removesuffix("/")} - {""})
                      .order_by("start_time", "id")[:MAX_TRACES])  # fmt: skip
        if not traces:
            raise NotFound("There is no session with this id.")
        session = {
            "id": traces[0].session_id,
            "createdAt": traces[0].start_time,
            "projectId": str(self.workspace.pk),
            "environment": traces[0].environment or "default",
        }
        return answer(request, session, "traces", rows(self.workspace, traces, {"io"}))
