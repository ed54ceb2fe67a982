"""What documents may be made of: node types, and the JSON schema of the language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.workflows import dsl
from apps.workflows.node_metadata import node_types
from apps.workflows.nodes.registry import catalogue


class PortSerializer(serializers.Serializer[Any]):
    """A way out of a node."""

    name = serializers.CharField()
    title = serializers.CharField()


class OutputSerializer(serializers.Serializer[Any]):
    """A value that a node leaves behind."""

    name = serializers.CharField()
    type = serializers.CharField()
    title = serializers.CharField()


class NodeTypeSerializer(serializers.Serializer[Any]):
    """A node type; see `node_metadata.described`."""

    type = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    group = serializers.CharField()
    group_title = serializers.CharField()
    icon = serializers.CharField()
    container = serializers.BooleanField()
    effects = serializers.BooleanField()
    text_output = serializers.CharField(help_text=_("Name of the output that streams, if any."))
    ports = PortSerializer(many=True)
    outputs = OutputSerializer(many=True)
    body_outputs = OutputSerializer(
        many=True, help_text=_("What the body of a container reads under its id.")
    )
    config_schema = serializers.DictField(child=serializers.JSONField())
    snippet = serializers.CharField(help_text=_("A node of this type as YAML, to begin with."))


class NodeTypesView(APIView):
    """Node types."""

    @extend_schema(summary="Node types", responses=NodeTypeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """All types that documents may use, with the JSON schema of their configuration, in your language."""
        return Response(node_types())


class DocumentSchemaView(APIView):
    """The language."""

    @extend_schema(summary="JSON schema of documents", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """The schema of a whole document `flywheel/v1`, each node type's configuration included."""
        return Response(dsl.document_schema(catalogue()))
