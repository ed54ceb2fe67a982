"""Endpoints of dashboards."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceViewSet
from apps.tracing.dashboards import DashboardSpec, WidgetSpec
from apps.tracing.dashboards.spec import FORMAT
from apps.tracing.models import Chart, Dashboard, MetricView, Widget
from apps.tracing.services import dashboard as services


class MetricFilterSerializer(serializers.Serializer[Any]):
    """A dimension compared with a value."""

    field = serializers.CharField(max_length=20)
    operator = serializers.ChoiceField(choices=["is", "not", "in", "contains"])
    value = serializers.CharField(max_length=500, help_text="With `in` several, with commas between them.")


class WidgetSerializer(serializers.Serializer[Widget]):
    """A widget; its place is its place in the list."""

    title = serializers.CharField(max_length=100)
    chart = serializers.ChoiceField(choices=Chart.choices)
    view = serializers.ChoiceField(choices=MetricView.choices)
    metrics = serializers.ListField(child=serializers.CharField(max_length=20), min_length=1)
    dimension = serializers.CharField(max_length=20, allow_blank=True, default="")
    filters = MetricFilterSerializer(many=True, default=list)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=8)
    width = serializers.IntegerField(min_value=1, max_value=12, default=6)
    height = serializers.IntegerField(min_value=1, max_value=4, default=2)


class DashboardSerializer(serializers.ModelSerializer[Dashboard]):
    """A dashboard. What this gives can be sent to another installation as it is."""

    format = serializers.SerializerMethodField()
    widgets = WidgetSerializer(many=True, read_only=True)

    class Meta:
        model = Dashboard
        fields = [
            "id", "format", "name", "description", "shared", "owner", "widgets", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_format(self, _dashboard: Dashboard) -> str:
        """The form of exported files."""
        return FORMAT


class DashboardInputSerializer(serializers.Serializer[Any]):
    """A dashboard as clients send it; `widgets` replaces all of them."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=2_000, allow_blank=True, required=False)
    shared = serializers.BooleanField(required=False)
    widgets = WidgetSerializer(many=True, required=False)


class DashboardViewSet(WorkspaceViewSet[Dashboard]):
    """Dashboards of the workspace: shared ones and the caller's own."""

    queryset = Dashboard.objects.prefetch_related("widgets")
    serializer_class = DashboardSerializer
    input_serializer_class = DashboardInputSerializer

    @extend_schema(request=DashboardInputSerializer, responses={201: DashboardSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a dashboard, also from what another installation gave."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=DashboardInputSerializer, responses=DashboardSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Any:
        """Call the service."""
        values = serializer.validated_data
        spec = DashboardSpec(
            values["name"],
            values.get("description", ""),
            values.get("shared", True),
            _widgets(values.get("widgets", ())),
        )
        return services.create_dashboard(actor=self.actor, workspace=self.workspace, spec=spec)

    def perform_update(self, serializer: Any) -> Any:
        """Call the service; the widgets read before are not the ones that are there now."""
        values = dict(serializer.validated_data)
        if "widgets" in values:
            values["widgets"] = _widgets(values["widgets"])
        services.update_dashboard(actor=self.actor, dashboard=serializer.instance, **values)
        return self.get_queryset().get(pk=serializer.instance.pk)

    def perform_destroy(self, instance: Dashboard) -> None:
        """Call the service."""
        services.delete_dashboard(actor=self.actor, dashboard=instance)

    @extend_schema(request=None, responses={201: DashboardSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def duplicate(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Make a copy that belongs to the caller."""
        return self.render(services.duplicate_dashboard(actor=self.actor, dashboard=self.get_object()), 201)


def _widgets(values: Any) -> tuple[WidgetSpec, ...]:
    # a widget of a change may lack what has a default
    return tuple(WidgetSpec.read({**value, "filters": list(value.get("filters", ()))}) for value in values)
