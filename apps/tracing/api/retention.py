"""How long the workspace keeps its traces."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import permissions
from apps.core.api.viewsets import WorkspaceScoped
from apps.tracing import conf
from apps.tracing.models import TraceRetention
from apps.tracing.models.trace_retention import MAX_DAYS
from apps.tracing.services.trace_retention import change_trace_retention


class TraceRetentionInputSerializer(serializers.Serializer[Any]):
    """What the workspace asks for."""

    days = serializers.IntegerField(
        min_value=1, max_value=MAX_DAYS, allow_null=True, help_text="Null: as long as the installation does."
    )


class TraceRetentionSerializer(serializers.Serializer[Any]):
    """What holds."""

    days = serializers.IntegerField(allow_null=True, help_text="The workspace's own limit.")
    installation_days = serializers.IntegerField(
        allow_null=True, help_text="The limit of the installation; null when it keeps everything."
    )
    effective_days = serializers.IntegerField(
        allow_null=True, help_text="The shorter of the two: older traces are deleted."
    )


class TraceRetentionView(WorkspaceScoped[TraceRetention], APIView):
    """How long traces are kept."""

    @extend_schema(summary="How long traces are kept", responses=TraceRetentionSerializer)
    def get(self, request: Request) -> Response:
        """Everybody in the workspace may know."""
        permissions.require_in(self.actor, "view", TraceRetention, self.workspace)
        return _rendered(TraceRetention.objects.of(self.workspace))

    @extend_schema(
        summary="Change how long traces are kept",
        request=TraceRetentionInputSerializer,
        responses=TraceRetentionSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Administrators of the workspace may; what is older is deleted within minutes."""
        permissions.require_in(self.actor, "change", TraceRetention, self.workspace)
        serializer = TraceRetentionInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return _rendered(
            change_trace_retention(
                actor=self.actor, workspace=self.workspace, days=serializer.validated_data["days"]
            )
        )


def _rendered(retention: TraceRetention) -> Response:
    values = {
        "days": retention.days,
        "installation_days": conf.retention_days(),
        "effective_days": retention.effective_days,
    }
    return Response(TraceRetentionSerializer(values).data)
