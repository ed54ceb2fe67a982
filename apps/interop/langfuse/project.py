"""Who am I, and does it answer?"""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.problems import CONTENT_TYPE, problem
from apps.core.models import Workspace
from apps.interop.base import AdapterView
from apps.tracing.models import TraceRetention

#: The version of the surface that is spoken here; SDKs compare nothing with it.
VERSION = "3.0.0"


class ProjectsView(AdapterView):
    """The one project a key belongs to: its workspace."""

    def get(self, request: Request) -> Response:
        """SDKs take the first one, for their credentials check and for links."""
        return Response({"data": [project(self.workspace)]})


def project(workspace: Workspace) -> dict[str, object]:
    """The workspace as a project; every key is needed by some SDK line."""
    named = {"id": str(workspace.pk), "name": workspace.name}
    days = TraceRetention.objects.of(workspace).effective_days
    return {**named, "organization": dict(named), "metadata": {}, "retentionDays": days}


def health(request: HttpRequest) -> JsonResponse:
    """Asked without credentials."""
    return JsonResponse({"status": "OK", "version": VERSION})


@csrf_exempt
def unknown(request: HttpRequest) -> JsonResponse:
    """What is not served here, as JSON: the SDKs can't read a page."""
    sentence = f"{request.method} {request.path[:200]} is not served here."
    document = problem(status=404, code="not_found", title="Not found", detail=sentence)
    return JsonResponse({**document, "message": sentence}, status=404, content_type=CONTENT_TYPE)
