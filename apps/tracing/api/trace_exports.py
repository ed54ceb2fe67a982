"""/trace-exports/: lists as files."""

from typing import Any

from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import jobs
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import Conflict
from apps.tracing.downloads import CONTENT_TYPES
from apps.tracing.downloads.response import file_response
from apps.tracing.explorer import Search
from apps.tracing.models import ExportFormat, ExportList, TraceExport
from apps.tracing.selection import KINDS, MAX_CONDITIONS, MAX_TEXT, Selection, parse_conditions
from apps.tracing.services import trace_export as export_service


def _none() -> list[str]:
    """An empty list; inside the serializers `list` is a field."""
    return []


class TraceExportInput(serializers.Serializer[Any]):
    """A file to make: which list, narrowed how, as what."""

    list = serializers.ChoiceField(choices=ExportList.choices)
    format = serializers.ChoiceField(choices=ExportFormat.choices, default=ExportFormat.JSONL)
    start = serializers.DateTimeField(required=False, help_text="Default: seven days before `end`.")
    end = serializers.DateTimeField(required=False, help_text="Excluded. Default: now.")
    text = serializers.CharField(max_length=MAX_TEXT, required=False, allow_blank=True, default="")
    filters = serializers.ListField(
        child=serializers.CharField(max_length=1200),
        max_length=MAX_CONDITIONS,
        required=False,
        default=_none,
        help_text="Conditions as in the address of the list: `field:operator:value`, such as `status:is:error`.",
    )
    columns = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=100, required=False, default=_none
    )
    payloads = serializers.BooleanField(
        default=False, help_text="Whole inputs and outputs, not previews alone."
    )

    def selection(self) -> Selection:
        """The rows that are meant; raises InvalidSelection."""
        data = self.validated_data
        kind = KINDS[export_service.list_of(data["list"])]
        conditions = parse_conditions(kind, data["filters"])
        text = data["text"].replace("\0", "")
        return Selection(Search(kind, data.get("start"), data.get("end"), text, conditions))


class TraceExportSerializer(serializers.ModelSerializer[TraceExport]):
    """A file, and how far it is."""

    list = serializers.CharField(source="list_name", read_only=True)
    state = serializers.CharField(read_only=True)
    done = serializers.IntegerField(source="job.done", read_only=True, default=0)
    total = serializers.IntegerField(source="job.total", read_only=True, default=0)
    error = serializers.CharField(source="job.error", read_only=True, default="")
    notice = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = TraceExport
        fields = (
            "id", "list", "format", "columns", "selection", "state", "done", "total", "error", "job", "row_count",
            "byte_count", "limit_reached", "notice", "download_url", "created_at", "completed_at", "expires_at",
        )  # fmt: skip

    def get_notice(self, export: TraceExport) -> str:
        """Why the file ends before the list does, else ""."""
        return export_service.describe_limit(export)

    def get_download_url(self, export: TraceExport) -> str:
        """Where the file is, "" until it is complete."""
        return reverse("trace-export-file", args=[export.pk]) if export.completed_at else ""


@extend_schema_view(
    list=extend_schema(summary="List exports of traces"),
    retrieve=extend_schema(summary="Read an export"),
    create=extend_schema(
        summary="Export a list", request=TraceExportInput, responses={201: TraceExportSerializer}
    ),
    destroy=extend_schema(summary="Delete an export and its file"),
)
class TraceExportViewSet(WorkspaceViewSet[TraceExport]):
    """Traces, observations, scores or sessions as a file, written by a job."""

    queryset = TraceExport.objects.select_related("job", "workspace")
    serializer_class = TraceExportSerializer
    input_serializer_class = TraceExportInput
    http_method_names = ["get", "post", "delete", "head", "options"]

    def perform_create(self, serializer: Any) -> TraceExport:  # type: ignore[override]  # returns the object
        """Call the service."""
        data = serializer.validated_data
        return export_service.create_export(
            actor=self.actor,
            workspace=self.workspace,
            list_name=data["list"],
            selection=serializer.selection(),
            file_format=data["format"],
            columns=data["columns"],
            payloads=data["payloads"],
        )

    def perform_destroy(self, instance: TraceExport) -> None:
        """Call the service."""
        export_service.delete_export(actor=self.actor, export=instance)

    @extend_schema(summary="Stop an export", request=None, responses=TraceExportSerializer)
    @action(detail=True, methods=["post"], url_path="cancel")
    def cancel(self, request: Request, pk: str) -> Response:
        """It stops after the rows at hand; nothing of it is kept."""
        export = self.get_object()
        if export.job is not None:
            export.job = jobs.cancel(actor=self.actor, job=export.job)
        return self.render(export)

    @extend_schema(
        summary="Download the file",
        responses={(200, content_type): OpenApiTypes.BINARY for content_type in CONTENT_TYPES.values()},
    )
    @action(detail=True, url_path="file")
    def file(self, request: Request, pk: str) -> StreamingHttpResponse:
        """409 until the export is complete."""
        export = self.get_object()
        if export.completed_at is None:
            raise Conflict
        return file_response(
            request._request,
            export.file.open("rb"),
            filename=export.filename,
            content_type=CONTENT_TYPES[export.format],
        )
