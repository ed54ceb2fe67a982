"""Endpoints of alerts."""

from dataclasses import fields
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceViewSet
from apps.tracing.api.dashboard import MetricFilterSerializer
from apps.tracing.models import Alert, AlertEvent, MetricView, NoData, Operator, Severity
from apps.tracing.models.alert import MAX_WINDOW, MIN_WINDOW
from apps.tracing.rollups import MetricFilter
from apps.tracing.services import alert as services


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """An alert and how it stands. Of a webhook only the host is told."""

    webhook_host = serializers.CharField(read_only=True)
    filters = MetricFilterSerializer(many=True, read_only=True)
    emails = serializers.ListField(child=serializers.EmailField(), read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id", "name", "description", "enabled", "severity", "view", "metric", "filters", "window_minutes",
            "operator", "threshold", "evaluations", "no_data", "renotify_minutes", "emails", "webhook_host",
            "muted_until", "state", "value", "since", "evaluated_at", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class AlertInputSerializer(serializers.Serializer[Any]):
    """An alert as clients send it. What is not sent stays; `webhook_url` "" forgets the webhook."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=5_000, allow_blank=True, required=False)
    enabled = serializers.BooleanField(required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    view = serializers.ChoiceField(choices=MetricView.choices, required=False)
    metric = serializers.CharField(max_length=20)
    filters = MetricFilterSerializer(many=True, required=False)
    window_minutes = serializers.IntegerField(min_value=MIN_WINDOW, max_value=MAX_WINDOW, required=False)
    operator = serializers.ChoiceField(choices=Operator.choices, required=False)
    threshold = serializers.FloatField()
    evaluations = serializers.IntegerField(min_value=1, max_value=60, required=False)
    no_data = serializers.ChoiceField(choices=NoData.choices, required=False)
    renotify_minutes = serializers.IntegerField(min_value=0, max_value=MAX_WINDOW, required=False)
    emails = serializers.ListField(child=serializers.EmailField(), required=False, max_length=50)
    webhook_url = serializers.CharField(max_length=500, allow_blank=True, required=False, write_only=True)
    webhook_secret = serializers.CharField(max_length=500, allow_blank=True, required=False, write_only=True)


class MuteSerializer(serializers.Serializer[Any]):
    """Until when nobody is told; null ends it."""

    until = serializers.DateTimeField(allow_null=True)


class AlertEventSerializer(serializers.ModelSerializer[AlertEvent]):
    """Something that happened, and who was told: by channel `state` (waiting, sent, failed), `at` and `error`."""

    deliveries = serializers.DictField(read_only=True)

    class Meta:
        model = AlertEvent
        fields = ["id", "number", "kind", "value", "at", "muted", "deliveries", "attempts"]
        read_only_fields = fields


class AlertViewSet(WorkspaceViewSet[Alert]):
    """Alerts of the workspace."""

    queryset = Alert.objects.select_related("workspace")
    serializer_class = AlertSerializer
    input_serializer_class = AlertInputSerializer

    @extend_schema(request=AlertInputSerializer, responses={201: AlertSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Begin to watch a figure."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=AlertInputSerializer, responses=AlertSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is sent; the alert begins anew."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Any:
        """Call the service."""
        values = _values(serializer.validated_data)
        return services.create_alert(
            actor=self.actor, workspace=self.workspace, values=services.AlertValues(**values)
        )

    def perform_update(self, serializer: Any) -> Any:
        """Call the service with what is stored and what was sent."""
        alert: Alert = serializer.instance
        secret = {"webhook_url", "webhook_secret"}
        kept = {
            field.name: getattr(alert, field.name)
            for field in fields(services.AlertValues)
            if field.name not in secret
        }
        values = services.AlertValues(**_values({**kept, **serializer.validated_data}))
        return services.update_alert(actor=self.actor, alert=alert, values=values)

    def perform_destroy(self, instance: Alert) -> None:
        """Call the service."""
        services.delete_alert(actor=self.actor, alert=instance)

    @extend_schema(request=MuteSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def mute(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Tell nobody until a time, or again from now."""
        alert = self.get_object()
        body = MuteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        until = body.validated_data["until"]
        return self.render(services.mute_alert(actor=self.actor, alert=alert, until=until))

    @extend_schema(request=None, responses={201: AlertEventSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Send a test message to everybody who would be told."""
        event = services.test_alert(actor=self.actor, alert=self.get_object())
        return Response(AlertEventSerializer(event).data, status=201)

    @extend_schema(responses=AlertEventSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def events(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """The last hundred events, newest first."""
        events = self.get_object().events.all()[:100]
        return Response(AlertEventSerializer(events, many=True).data)


def _values(data: dict[str, Any]) -> dict[str, Any]:
    filters = tuple(MetricFilter.read(item) for item in data.get("filters", ()))
    return {**data, "filters": filters}
