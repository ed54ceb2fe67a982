"""Files for runs: uploaded before a run is started, downloaded from one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import FileResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import BaseSerializer

from apps.core.api.parsers import UnicodeJSONParser
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import NotFound, TooLarge
from apps.workflows.models.run_file import RunFile
from apps.workflows.services import run_file as service

#: Room for the form around the file.
_FORM_OVERHEAD_BYTES = 1024 * 1024
#: Pictures that a browser may show in place: raster formats carry no script.
_SHOWN_IN_PLACE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class RunFileSerializer(serializers.ModelSerializer[RunFile]):
    """A file; the object as a whole is what an input of type file takes."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = RunFile
        fields = ["id", "name", "content_type", "size", "sha256", "run", "url", "created_at"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)
    def get_url(self, file: RunFile) -> str:
        """Where its content is."""
        return str(file.described["url"])


class RunFileUploadSerializer(serializers.Serializer[Any]):
    """An upload."""

    file = serializers.FileField(allow_empty_file=True)
    name = serializers.CharField(max_length=255, required=False)


@extend_schema_view(
    list=extend_schema(summary="Files of the workspace's runs, newest first"),
    retrieve=extend_schema(summary="One file"),
    create=extend_schema(
        summary="Upload a file for a run",
        request={"multipart/form-data": RunFileUploadSerializer},
        responses={201: RunFileSerializer},
    ),
    destroy=extend_schema(summary="Delete a file"),
)
@extend_schema(tags=["workflows"])
class RunFileViewSet(WorkspaceViewSet[RunFile]):
    """Files of runs."""

    queryset = RunFile.objects.all()
    serializer_class = RunFileSerializer
    input_serializer_class = RunFileUploadSerializer
    filterset_fields = ["run"]
    parser_classes = [MultiPartParser, FormParser, UnicodeJSONParser]
    http_method_names = ["get", "post", "delete", "head", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is far too large before anything of it is read."""
        super().initial(request, *args, **kwargs)
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > settings.MAX_UPLOAD_BYTES + _FORM_OVERHEAD_BYTES:
            raise TooLarge(
                _("A file may have %(limit)s at most.") % {"limit": filesizeformat(settings.MAX_UPLOAD_BYTES)}
            )

    def perform_create(self, serializer: BaseSerializer[Any]) -> RunFile:  # type: ignore[override]  # see base
        """Keep the file."""
        file = serializer.validated_data["file"]
        return service.upload_file(
            actor=self.actor,
            workspace=self.workspace,
            name=serializer.validated_data.get("name") or file.name or "",
            content=file,
            content_type=file.content_type or "",
        )

    def perform_destroy(self, instance: RunFile) -> None:
        """Delete a file with its content."""
        service.delete_file(actor=self.actor, file=instance)

    @extend_schema(
        summary="The content of a file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: OpenApiResponse()},
    )
    @action(detail=True, methods=["get"], url_path="content", url_name="content")
    def download(self, request: Request, pk: str | None = None) -> FileResponse:
        """The bytes."""
        return response_of(self.get_object())


def response_of(file: RunFile) -> FileResponse:
    """A file's content: pictures in place, anything else as an attachment of no type, so that it never runs here."""
    try:
        content = file.content.open("rb")
    except FileNotFoundError as error:
        raise NotFound(_("The content of this file is gone from the storage.")) from error
    shown = file.content_type in _SHOWN_IN_PLACE
    response = FileResponse(
        content,
        as_attachment=not shown,
        filename=file.name,
        content_type=file.content_type if shown else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


router = SimpleRouter()
router.register("workflow-files", RunFileViewSet, basename="workflow-file")

urlpatterns = router.urls
