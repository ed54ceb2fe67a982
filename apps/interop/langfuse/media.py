"""Media as SDKs send and read it: announce, PUT to the address that comes back, report, read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.models import Dataset, DatasetItem
from apps.annotations.services.dataset import MEDIA_SOURCE
from apps.core.exceptions import FlywheelError, Invalid, NotFound
from apps.core.models import Workspace
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.langfuse import ids
from apps.interop.langfuse.values import as_object, text
from apps.tracing.ids import MEDIA_REFERENCE
from apps.tracing.media import GOOD_FOR_S, content_response, sign, unsign
from apps.tracing.models import Media
from apps.tracing.services.media import Use, announce_media, upload_media

_CHUNK: Final = 64 * 1024
#: References that are looked up for one item.
_MAX_REFERENCES: Final = 100


class MediaListView(AdapterView):
    """`POST /media`: say what will be uploaded."""

    required_scopes = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        """The address to send it to; null when it is there already."""
        body = as_object(request.data)
        size = body.get("contentLength")
        if not isinstance(size, int) or isinstance(size, bool):
            raise Invalid("`contentLength` is a whole number.")
        media = announce_media(
            actor=self.actor,
            workspace=self.workspace,
            sha256=text(body.get("sha256Hash")),
            content_type=text(body.get("contentType")),
            size=size,
            use=self._use(request, body),
        )
        address = None if media.uploaded_at else content_url(request._request, media, "put")
        return Response({"uploadUrl": address, "mediaId": media.media_id})

    def _use(self, request: Request, body: dict[str, Any]) -> Use:
        field = text(body.get("field"))
        if trace_id := ids.trace_id(text(body.get("traceId"))):
            return Use(
                trace_id=trace_id, observation_id=ids.span_id(text(body.get("observationId"))), field=field
            )
        dataset_id = text(body.get("datasetId"))
        datasets = Dataset.objects.in_workspace(self.workspace).visible_to(request.user)
        try:
            dataset = datasets.filter(pk=UUID(dataset_id)).first()
        except ValueError:
            dataset = None
        if dataset is None:
            raise Invalid("Media belongs to a trace, or to an item of a dataset.")
        return Use(source_type=MEDIA_SOURCE, source_id=str(dataset.pk), field=field)


class MediaView(AdapterView):
    """One file."""

    required_scopes = {"PATCH": Scope.INGEST}

    def get(self, request: Request, media_id: str) -> Response:
        """With an address for the content that is good for an hour."""
        media = self._find(media_id)
        return Response({**described(request._request, media), "uploadedAt": media.uploaded_at})

    def patch(self, request: Request, media_id: str) -> Response:
        """What became of the upload. We have seen it ourselves, so nothing is taken from this."""
        visible = Media.objects.in_workspace(self.workspace).visible_to(request.user)
        if not visible.filter(media_id=media_id).exists():
            raise NotFound("There is no such file.")
        return Response(status=204)

    def _find(self, media_id: str) -> Media:
        visible = Media.objects.in_workspace(self.workspace).visible_to(self.request.user).uploaded()
        media = visible.filter(media_id=media_id).first()
        if media is None:
            raise NotFound("There is no such file.")
        return media


@csrf_exempt
@require_http_methods(["GET", "HEAD", "PUT"])
def media_content(request: HttpRequest, media_id: str) -> HttpResponseBase:
    """Content for whoever holds an address with a signature: clients send no credentials here."""
    action = "put" if request.method == "PUT" else "get"
    workspace_id = unsign(request.GET.get("token", ""), media_id, action)
    known = Media.objects.filter(media_id=media_id)
    media = None if workspace_id is None else known.filter(workspace_id=workspace_id).first()
    if media is None:
        return JsonResponse({"message": "This address is not good, or not good any more."}, status=403)
    if action == "get":
        try:
            return content_response(media)
        except Http404:
            return JsonResponse({"message": "The content has not been uploaded."}, status=404)
    try:
        upload_media(media=media, chunks=_chunks(request))
    except FlywheelError as error:
        return JsonResponse({"message": str(error.detail)}, status=error.status)
    return HttpResponse(status=200)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(_CHUNK):
        yield chunk


def content_url(request: HttpRequest, media: Media, action: str) -> str:
    """An absolute address with a signature, to "put" or "get" the content."""
    path = reverse("langfuse_media_content", args=[media.media_id])
    return request.build_absolute_uri(f"{path}?token={sign(media, action)}")


def described(request: HttpRequest, media: Media) -> dict[str, Any]:
    """A file in the SDKs' shape."""
    return {
        "mediaId": media.media_id,
        "contentType": media.content_type,
        "contentLength": media.size,
        "url": content_url(request, media, "get"),
        "urlExpiry": (timezone.now() + timedelta(seconds=GOOD_FOR_S)).isoformat(),
    }


def references_in(
    request: HttpRequest, workspace: Workspace, items: Sequence[DatasetItem]
) -> dict[UUID, list[dict[str, Any]]]:
    """By item: the media that its fields refer to, with the place of each; one query for all items."""
    found = {item.pk: list(_references_of(item))[:_MAX_REFERENCES] for item in items}
    wanted = {media_id for places in found.values() for _field, _path, _text, media_id in places}
    if not wanted:
        return {}
    known = {
        media.media_id: media
        for media in Media.objects.in_workspace(workspace).uploaded().filter(media_id__in=wanted)
    }
    return {
        pk: [
            {
                "field": field,
                "referenceString": reference,
                "jsonPath": path,
                "media": described(request, known[media_id]),
            }
            for field, path, reference, media_id in places
            if media_id in known
        ]
        for pk, places in found.items()
    }


def _references_of(item: DatasetItem) -> Iterator[tuple[str, str, str, str]]:
    values = {"input": item.input, "expectedOutput": item.expected, "metadata": item.metadata}
    for field, value in values.items():
        if value is not None and "@@@langfuseMedia:" in json.dumps(value):
            for path, reference, media_id in _walk(value, "$"):
                yield field, path, reference, media_id


def _walk(value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        for match in MEDIA_REFERENCE.finditer(value):
            yield path, match[0], match[2]
        return
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = ((f"['{key}']", entry) for key, entry in value.items())
    elif isinstance(value, list):
        inner = ((f"[{number}]", entry) for number, entry in enumerate(value))
    for step, entry in inner:
        yield from _walk(entry, path + step)
