"""REST endpoints of triggers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceViewSet
from apps.workflows.api import serializers as shapes
from apps.workflows.models import Trigger
from apps.workflows.selectors import get_workflow
from apps.workflows.services import trigger as service


@extend_schema_view(
    list=extend_schema(summary="Triggers, newest first"),
    retrieve=extend_schema(summary="One trigger"),
    partial_update=extend_schema(
        summary="Change a trigger, or switch it on or off",
        request=shapes.TriggerChangeSerializer,
        responses=shapes.TriggerSerializer,
    ),
    destroy=extend_schema(summary="Delete a trigger; its runs stay"),
)
class TriggerViewSet(WorkspaceViewSet[Trigger]):
    """Schedules, webhooks and events that start workflows."""

    queryset = Trigger.objects.select_related("workflow", "workspace")
    serializer_class = shapes.TriggerSerializer
    filterset_fields = ["workflow", "kind", "enabled"]

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Changing takes fewer fields than creating."""
        kind = shapes.TriggerInputSerializer if self.action == "create" else shapes.TriggerChangeSerializer
        kwargs.pop("partial", None)
        return kind(*args, **kwargs)

    @extend_schema(
        summary="Give a workflow a trigger",
        request=shapes.TriggerInputSerializer,
        responses={201: shapes.NewTriggerSerializer},
    )
    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A webhook's secret is in this answer and nowhere else."""
        serializer = self.get_input_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        workflow = get_workflow(self.workspace, request.user, data.pop("workflow"))  # type: ignore[arg-type]  # signed in
        trigger = service.create_trigger(
            actor=self.actor, workflow=workflow, config=data.pop("config", {}), **data
        )
        return Response(shapes.NewTriggerSerializer(trigger).data, status=201)

    def perform_update(self, serializer: Any) -> Trigger:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return service.update_trigger(
            actor=self.actor, trigger=serializer.instance, changes=serializer.validated_data
        )

    def perform_destroy(self, instance: Trigger) -> None:
        """Call the service."""
        service.delete_trigger(actor=self.actor, trigger=instance)

    @extend_schema(summary="A new secret", request=None, responses=shapes.SecretSerializer)
    @action(detail=True, methods=["post"], url_path="renew-secret", url_name="renew-secret")
    def renew_secret(self, request: Request, **kwargs: Any) -> Response:
        """The old one is dead from now on; the new one is in this answer and nowhere else."""
        return Response({"secret": service.renew_secret(actor=self.actor, trigger=self.get_object())})

    @extend_schema(summary="What a trigger did", responses=shapes.FiringSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=None)
    def firings(self, request: Request, **kwargs: Any) -> Response:
        """Newest first."""
        found: Any = self.get_object().firings.all()  # rows of another model than the view's
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(shapes.FiringSerializer(page, many=True).data)
