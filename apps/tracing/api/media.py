"""/media/: files that inputs and outputs refer to."""

from typing import Any

from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.exceptions import NotFound
from apps.tracing.media import content_response, is_shown
from apps.tracing.models import Media, MediaUse

#: Files of a trace that one answer holds.
MAX_LISTED = 1_000
MEDIA_ID = OpenApiParameter(
    "media_id", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[A-Za-z0-9_-]{22}$"
)


class MediaSerializer(serializers.Serializer[Any]):
    """A file: `url` gives the content; `shown` says that a page may show it."""

    media_id = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    uploaded_at = serializers.DateTimeField()
    shown = serializers.BooleanField()
    url = serializers.CharField()


class UsedMediaSerializer(MediaSerializer):
    """A file and where it is used: in which field of which step, under which name of the client's."""

    observation_id = serializers.CharField(allow_blank=True)
    field = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)


class MediaQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of the list."""

    trace_id = serializers.RegexField(r"^[0-9a-f]{32}$")


def media_data(media: Media) -> dict[str, Any]:
    """A file as JSON values."""
    return {
        "media_id": media.media_id,
        "content_type": media.content_type,
        "size": media.size,
        "uploaded_at": media.uploaded_at,
        "shown": is_shown(media.content_type),
        "url": reverse("media-content", args=[media.media_id]),
    }


class MediaListView(APIView):
    """Files of a trace."""

    @extend_schema(
        operation_id="media_list",
        parameters=[MediaQuerySerializer],
        responses=UsedMediaSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The first thousand that the trace's steps use."""
        query = MediaQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        visible = Media.objects.in_workspace(workspace).visible_to(request.user).uploaded()
        uses = MediaUse.objects.filter(trace_id=query.validated_data["trace_id"], media__in=visible)
        found = [
            {
                **media_data(use.media),
                "observation_id": use.observation_id,
                "field": use.field,
                "name": use.source_id,
            }
            for use in uses.select_related("media").order_by("id")[:MAX_LISTED]
        ]
        return Response(UsedMediaSerializer(found, many=True).data)


class _MediaView(APIView):
    """A view on a file of the caller's workspace."""

    def find(self, media_id: str) -> Media:
        """The file, or a 404."""
        workspace = self.request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        visible = Media.objects.in_workspace(workspace).visible_to(self.request.user).uploaded()
        media = visible.filter(media_id=media_id).first()
        if media is None:
            raise NotFound
        return media


class MediaView(_MediaView):
    """One file."""

    @extend_schema(operation_id="media_retrieve", parameters=[MEDIA_ID], responses=MediaSerializer)
    def get(self, request: Request, media_id: str) -> Response:
        """What is known of it."""
        return Response(media_data(self.find(media_id)))


class MediaContentView(_MediaView):
    """Its content."""

    @extend_schema(
        operation_id="media_content", parameters=[MEDIA_ID], responses={(200, "*/*"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, media_id: str) -> FileResponse:
        """To be shown where that is safe, else to be kept as a file."""
        return content_response(self.find(media_id))
