"""Providers and models over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceViewSet
from apps.providers.api.serializers import (
    ConnectionReportSerializer,
    ModelChangeSerializer,
    ModelInputSerializer,
    ModelSerializer,
    ProviderInputSerializer,
    ProviderSerializer,
)
from apps.providers.models import Model, Provider
from apps.providers.services.connection import check_model, check_provider
from apps.providers.services.model import create_model, delete_model, set_default_model, update_model
from apps.providers.services.provider import create_provider, delete_provider, update_provider


@extend_schema_view(
    list=extend_schema(summary="Model providers"),
    retrieve=extend_schema(summary="One provider"),
    create=extend_schema(
        summary="Connect a provider", request=ProviderInputSerializer, responses={201: ProviderSerializer}
    ),
    partial_update=extend_schema(
        summary="Change a provider", request=ProviderInputSerializer, responses=ProviderSerializer
    ),
    destroy=extend_schema(summary="Remove a provider with its models"),
)
class ProviderViewSet(WorkspaceViewSet[Provider]):
    """Connections to those who run models."""

    queryset = Provider.objects.select_related("workspace")
    serializer_class = ProviderSerializer
    input_serializer_class = ProviderInputSerializer
    filterset_fields = ["kind", "enabled"]

    def perform_create(self, serializer: Any) -> Any:
        """Call the service."""
        return create_provider(actor=self.actor, workspace=self.workspace, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> Any:
        """Call the service; `api_key` left out keeps the stored one."""
        return update_provider(actor=self.actor, provider=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Provider) -> None:
        """Call the service."""
        delete_provider(actor=self.actor, provider=instance)

    @extend_schema(summary="Test the connection", request=None, responses=ConnectionReportSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Ask the provider for its models; a failure is part of the answer."""
        report = check_provider(actor=self.actor, provider=self.get_object())
        return Response(ConnectionReportSerializer(report).data)


@extend_schema_view(
    list=extend_schema(summary="Models"),
    retrieve=extend_schema(summary="One model"),
    create=extend_schema(
        summary="Add a model to a provider", request=ModelInputSerializer, responses={201: ModelSerializer}
    ),
    partial_update=extend_schema(
        summary="Change a model", request=ModelChangeSerializer, responses=ModelSerializer
    ),
    destroy=extend_schema(summary="Remove a model"),
)
class ModelViewSet(WorkspaceViewSet[Model]):
    """What the providers offer."""

    queryset = Model.objects.select_related("workspace", "provider__workspace")
    serializer_class = ModelSerializer
    filterset_fields = ["provider", "slot", "enabled", "is_default"]

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Provider and slot belong to a new model only."""
        kind = ModelInputSerializer if self.action == "create" else ModelChangeSerializer
        return kind(*args, **kwargs, context=self.get_serializer_context())

    def perform_create(self, serializer: Any) -> Any:
        """Call the service."""
        return create_model(actor=self.actor, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> Any:
        """Call the service."""
        return update_model(actor=self.actor, model=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Model) -> None:
        """Call the service."""
        delete_model(actor=self.actor, model=instance)

    @extend_schema(summary="Make one small call", request=None, responses=ConnectionReportSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Call the model once; a failure is part of the answer."""
        return Response(
            ConnectionReportSerializer(check_model(actor=self.actor, model=self.get_object())).data
        )

    @extend_schema(summary="Make it the default of its slot", request=None, responses=ModelSerializer)
    @action(detail=True, methods=["post"], url_path="set-default")
    @idempotent
    def set_default(self, request: Request, pk: str) -> Response:
        """New agents and knowledge bases get it."""
        return self.render(set_default_model(actor=self.actor, model=self.get_object()))
