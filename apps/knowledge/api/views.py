"""The knowledge API: bases, documents, chunks, retrieval."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings as django_settings
from django.db.models import F, QuerySet
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.core import permissions
from apps.core.api.idempotency import idempotent
from apps.core.api.parsers import UnicodeJSONParser
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import NotFound, TooLarge
from apps.core.models.api_key import Scope
from apps.knowledge.api.filters import ChunkFilter, DocumentFilter
from apps.knowledge.api.serializers import (
    ChunkChangeSerializer,
    ChunkCreateSerializer,
    ChunkSerializer,
    DocumentChangeSerializer,
    DocumentSerializer,
    DocumentUploadSerializer,
    KnowledgeBaseInputSerializer,
    KnowledgeBaseSerializer,
    RetrievalSerializer,
    RetrieveSerializer,
)
from apps.knowledge.models import Chunk, Document, KnowledgeBase
from apps.knowledge.retrieval import RetrievalSettings, retrieve_sync
from apps.knowledge.services import base as base_service
from apps.knowledge.services import chunk as chunk_service
from apps.knowledge.services import document as document_service

#: Room for the form around the file.
_FORM_OVERHEAD_BYTES = 1024 * 1024


@extend_schema_view(
    create=extend_schema(request=KnowledgeBaseInputSerializer, responses={201: KnowledgeBaseSerializer}),
    partial_update=extend_schema(request=KnowledgeBaseInputSerializer, responses=KnowledgeBaseSerializer),
)
@extend_schema(tags=["knowledge"])
class KnowledgeBaseViewSet(WorkspaceViewSet[KnowledgeBase]):
    """Knowledge bases."""

    queryset = KnowledgeBase.objects.all()
    serializer_class = KnowledgeBaseSerializer
    input_serializer_class = KnowledgeBaseInputSerializer
    filterset_fields = ["name"]

    @property
    def required_scopes(self) -> dict[str, str]:
        """Retrieving is reading, although its question comes in a body."""
        return {"POST": Scope.READ} if self.action == "retrieve_passages" else {}

    def perform_create(self, serializer: BaseSerializer[Any]) -> KnowledgeBase:  # type: ignore[override]  # see base
        """Create a base."""
        return base_service.create_base(
            actor=self.actor, workspace=self.workspace, **serializer.validated_data
        )

    def perform_update(self, serializer: BaseSerializer[Any]) -> KnowledgeBase:  # type: ignore[override]  # see base
        """Change a base; another embedding model starts making new vectors."""
        data = dict(serializer.validated_data)
        base = cast("KnowledgeBase", serializer.instance)
        has_model = "embedding_model" in data
        model = data.pop("embedding_model", None)
        for part in ("chunking", "retrieval"):
            if part in data:  # settings not given keep their value
                data[part] = {**getattr(base, part), **data[part]}
        base = base_service.update_base(actor=self.actor, base=base, **data)
        if has_model and (model.pk if model else None) != base.embedding_model_id:
            base = base_service.change_embedding_model(actor=self.actor, base=base, model=model)
        return base

    def perform_destroy(self, instance: KnowledgeBase) -> None:
        """Delete a base with all it holds."""
        base_service.delete_base(actor=self.actor, base=instance)

    @extend_schema(request=RetrieveSerializer, responses=RetrievalSerializer)
    @action(detail=True, methods=["post"], url_path="retrieve", url_name="retrieve")
    def retrieve_passages(self, request: Request, pk: str | None = None) -> Response:
        """Find passages for a query."""
        base = self.get_object()
        permissions.require(self.actor, "retrieve", base)
        serializer = RetrieveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data.get("settings", {})
        settings = RetrievalSettings.model_validate({**base.retrieval, **wanted})
        retrieval = retrieve_sync(bases=[base], query=serializer.validated_data["query"], settings=settings)
        return Response(RetrievalSerializer(retrieval).data)


@extend_schema_view(
    create=extend_schema(
        request={"multipart/form-data": DocumentUploadSerializer}, responses={201: DocumentSerializer}
    ),
    partial_update=extend_schema(request=DocumentChangeSerializer, responses=DocumentSerializer),
)
@extend_schema(tags=["knowledge"])
class DocumentViewSet(WorkspaceViewSet[Document]):
    """Documents. A file that can't be indexed is answered with a document in state `failed` that says why."""

    queryset = Document.objects.all()
    serializer_class = DocumentSerializer
    filterset_class = DocumentFilter
    parser_classes = [MultiPartParser, FormParser, UnicodeJSONParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is far too large before anything of it is read."""
        super().initial(request, *args, **kwargs)
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > django_settings.MAX_UPLOAD_BYTES + _FORM_OVERHEAD_BYTES:
            raise TooLarge(str(document_service.oversized(int(declared))))

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """An upload on create, a change afterwards."""
        kind = DocumentUploadSerializer if self.action == "create" else DocumentChangeSerializer
        return kind(*args, **kwargs, context=self.get_serializer_context())

    def perform_create(self, serializer: BaseSerializer[Any]) -> Document:  # type: ignore[override]  # see base
        """Keep the file and start indexing it."""
        data = serializer.validated_data
        file = data["file"]
        return document_service.add_document(
            actor=self.actor,
            base=data["base"],
            name=data.get("name") or file.name,
            content=file,
            content_type=file.content_type or "",
        )

    def perform_update(self, serializer: BaseSerializer[Any]) -> Document:  # type: ignore[override]  # see base
        """Rename, switch, set metadata."""
        document = cast("Document", serializer.instance)
        return document_service.update_document(
            actor=self.actor, document=document, **serializer.validated_data
        )

    def perform_destroy(self, instance: Document) -> None:
        """Delete a document with its chunks and its file."""
        document_service.delete_document(actor=self.actor, document=instance)

    @extend_schema(request=None, responses=DocumentSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop the indexing."""
        return self.render(document_service.cancel_document(actor=self.actor, document=self.get_object()))

    @extend_schema(request=None, responses=DocumentSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def reindex(self, request: Request, pk: str | None = None) -> Response:
        """Index again; a failed or cancelled run goes on where it stopped."""
        return self.render(document_service.reindex_document(actor=self.actor, document=self.get_object()))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: OpenApiResponse()})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: str | None = None) -> FileResponse:
        """The original file."""
        return file_of(self.get_object())


def file_of(document: Document) -> FileResponse:
    """A document's file as an attachment, whatever its type: it is never shown inside the console's
    origin."""
    if not document.file:
        raise NotFound(_("This file was not kept."))
    try:
        content = document.file.open("rb")
    except FileNotFoundError as error:
        raise NotFound(_("The uploaded file is gone from the storage. Upload it again.")) from error
    response = FileResponse(
        content, as_attachment=True, filename=document.name, content_type="application/octet-stream"
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


@extend_schema_view(
    create=extend_schema(request=ChunkCreateSerializer, responses={201: ChunkSerializer}),
    partial_update=extend_schema(request=ChunkChangeSerializer, responses=ChunkSerializer),
)
@extend_schema(tags=["knowledge"])
class ChunkViewSet(WorkspaceViewSet[Chunk]):
    """The passages being searched."""

    queryset = Chunk.objects.select_related("document")
    serializer_class = ChunkSerializer
    filterset_class = ChunkFilter

    def get_queryset(self) -> QuerySet[Chunk]:
        """Chunks of the generation in the index; those still being made are nobody's business."""
        return super().get_queryset().filter(generation=F("document__generation"))

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """A new chunk, or a change."""
        kind = ChunkCreateSerializer if self.action == "create" else ChunkChangeSerializer
        return kind(*args, **kwargs, context=self.get_serializer_context())

    def perform_create(self, serializer: BaseSerializer[Any]) -> Chunk:  # type: ignore[override]  # see base
        """Append a passage."""
        return chunk_service.add_chunk(actor=self.actor, **serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Any]) -> Chunk:  # type: ignore[override]  # see base
        """New text, or switching on or off."""
        chunk = cast("Chunk", serializer.instance)
        data = serializer.validated_data
        if "text" in data:
            chunk = chunk_service.edit_chunk(actor=self.actor, chunk=chunk, text=data["text"])
        if "enabled" in data:
            chunk = chunk_service.set_chunk_enabled(actor=self.actor, chunk=chunk, enabled=data["enabled"])
        return chunk

    def perform_destroy(self, instance: Chunk) -> None:
        """Delete a passage."""
        chunk_service.delete_chunk(actor=self.actor, chunk=instance)
