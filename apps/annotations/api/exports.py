"""/exports/: training files with their manifests."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request

from apps.annotations.api.datasets import JSON_LINES
from apps.annotations.api.serializers import ExportInput, ExportSerializer
from apps.annotations.models import Dataset, Export
from apps.annotations.services import export as export_service
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import Conflict, NotFound


@extend_schema_view(
    list=extend_schema(summary="List exports"),
    retrieve=extend_schema(summary="Read an export"),
    create=extend_schema(
        summary="Make a training file", request=ExportInput, responses={201: ExportSerializer}
    ),
    destroy=extend_schema(summary="Delete an export and its file"),
)
class ExportViewSet(WorkspaceViewSet[Export]):
    """Training files: small ones are complete in the answer, large ones are written by a job (`job`)."""

    queryset = Export.objects.select_related("dataset", "version", "job")
    serializer_class = ExportSerializer
    input_serializer_class = ExportInput
    http_method_names = ["get", "post", "delete", "head", "options"]

    def perform_create(self, serializer: Any) -> Export:  # type: ignore[override]  # returns the object
        """Call the service."""
        data = serializer.validated_data
        visible = Dataset.objects.in_workspace(self.workspace).visible_to(self.request.user)
        dataset = visible.select_related("workspace").filter(pk=data["dataset"]).first()
        if dataset is None:
            raise NotFound
        return export_service.create_export(
            actor=self.actor, dataset=dataset, file_format=data["format"], version=data.get("version")
        )

    def perform_destroy(self, instance: Export) -> None:
        """Call the service."""
        export_service.delete_export(actor=self.actor, export=instance)

    @extend_schema(summary="Download the file", responses={(200, JSON_LINES): OpenApiTypes.BINARY})
    @action(detail=True, url_path="file")
    def file(self, request: Request, pk: str) -> FileResponse:
        """409 until the export is complete."""
        export = self.get_object()
        if export.completed_at is None:
            raise Conflict
        return FileResponse(
            export.file.open("rb"), as_attachment=True, filename=export.filename, content_type=JSON_LINES
        )
