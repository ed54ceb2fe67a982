"""What the views on traces share."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from apps.core.exceptions import NotFound
from apps.core.models import Workspace
from apps.tracing import selectors
from apps.tracing.models import Observation, Trace

TRACE_ID = OpenApiParameter("trace_id", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[0-9a-f]{32}$")
SPAN_ID = OpenApiParameter("span_id", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[0-9a-f]{16}$")


class TraceAPIView(APIView):
    """A view on traces of the caller's workspace."""

    @property
    def workspace(self) -> Workspace:
        """The workspace of the call."""
        workspace: Workspace = self.request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        return workspace

    def find_trace(self, trace_id: str) -> Trace:
        """The trace, or a 404."""
        trace = selectors.find_trace(user=self.request.user, workspace=self.workspace, trace_id=trace_id)
        if trace is None:
            raise NotFound
        return trace

    def find_observation(self, trace_id: str, span_id: str) -> Observation:
        """An observation of a trace, or a 404."""
        observation = selectors.find_observation(self.find_trace(trace_id), span_id)
        if observation is None:
            raise NotFound
        return observation
