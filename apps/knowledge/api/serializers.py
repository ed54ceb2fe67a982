"""What goes in and out of the knowledge API. Input and output are apart."""

from __future__ import annotations

from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.knowledge.models import Chunk, Document, KnowledgeBase
from apps.knowledge.settings import MetadataOperator
from apps.providers.models import Model, ModelSlot


class ChunkingSerializer(serializers.Serializer[Any]):
    """How documents are cut; sizes in estimated tokens."""

    strategy = serializers.ChoiceField(["general", "rows"], required=False)
    size = serializers.IntegerField(min_value=50, max_value=4000, required=False)
    overlap = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    rows_per_chunk = serializers.IntegerField(min_value=1, max_value=500, required=False)


class MetadataConditionSerializer(serializers.Serializer[Any]):
    """A condition on the metadata of documents."""

    name = serializers.CharField(max_length=120)
    op = serializers.ChoiceField(list(get_args(MetadataOperator)), default="=")
    value = serializers.JSONField(required=False, allow_null=True)


class MetadataFilterSerializer(serializers.Serializer[Any]):
    """Conditions of which all, or any, must hold."""

    match = serializers.ChoiceField(["all", "any"], default="all")
    conditions = serializers.ListField(child=MetadataConditionSerializer(), max_length=50)


class RetrievalSettingsSerializer(serializers.Serializer[Any]):
    """How passages are found."""

    mode = serializers.ChoiceField(["hybrid", "vector", "full_text"], required=False)
    top_k = serializers.IntegerField(min_value=1, max_value=50, required=False)
    score_threshold = serializers.FloatField(min_value=0, max_value=1, required=False)
    fusion = serializers.ChoiceField(["convex", "reciprocal_rank"], required=False)
    alpha = serializers.FloatField(min_value=0, max_value=1, required=False)
    rerank_model = serializers.UUIDField(required=False, allow_null=True)
    rerank_candidates = serializers.IntegerField(min_value=1, max_value=100, required=False)
    metadata = serializers.DictField(child=serializers.CharField(), required=False)
    filter = MetadataFilterSerializer(required=False, allow_null=True)


class KnowledgeBaseSerializer(serializers.ModelSerializer[KnowledgeBase]):
    """A base."""

    chunking = ChunkingSerializer(read_only=True)
    retrieval = RetrievalSettingsSerializer(read_only=True)

    class Meta:
        model = KnowledgeBase
        fields = [
            "id",
            "name",
            "description",
            "embedding_model",
            "next_embedding_model",
            "chunking",
            "retrieval",
            "chunk_count",
            "language",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class KnowledgeBaseInputSerializer(serializers.Serializer[Any]):
    """Creating or changing a base. Without `embedding_model` a new base takes the workspace's own; null means
    none."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    embedding_model = serializers.PrimaryKeyRelatedField(
        queryset=Model.objects.none(), required=False, allow_null=True
    )
    chunking = ChunkingSerializer(required=False)
    retrieval = RetrievalSettingsSerializer(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Offer only models that the caller's workspace has."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and getattr(request, "workspace", None):
            models = Model.objects.in_workspace(request.workspace).filter(slot=ModelSlot.EMBEDDING)
            fields["embedding_model"].queryset = models  # type: ignore[attr-defined]  # a PrimaryKeyRelatedField
        return fields


class DocumentSerializer(serializers.ModelSerializer[Document]):
    """A document and its state. `percent` runs over all stages."""

    error = serializers.CharField(source="error_sentence", read_only=True)
    percent = serializers.IntegerField(read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    metadata = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Document
        fields = [
            "id",
            "base",
            "name",
            "title",
            "content_type",
            "size",
            "sha256",
            "language",
            "page_count",
            "metadata",
            "warnings",
            "enabled",
            "state",
            "percent",
            "error_code",
            "error",
            "chunk_count",
            "indexed_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class DocumentUploadSerializer(serializers.Serializer[Any]):
    """A file for a base, as multipart form data."""

    base = serializers.PrimaryKeyRelatedField(queryset=KnowledgeBase.objects.none())
    file = serializers.FileField(allow_empty_file=True)
    name = serializers.CharField(required=False, max_length=255, help_text="Default: the file's own name.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Only bases that the caller can see exist."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and getattr(request, "workspace", None):
            bases = KnowledgeBase.objects.in_workspace(request.workspace).visible_to(request.user)
            fields["base"].queryset = bases  # type: ignore[attr-defined]  # a PrimaryKeyRelatedField
        return fields


class DocumentChangeSerializer(serializers.Serializer[Any]):
    """Renaming, switching on or off, metadata."""

    name = serializers.CharField(max_length=255, required=False)
    enabled = serializers.BooleanField(required=False)
    metadata = serializers.DictField(child=serializers.CharField(max_length=500), required=False)


class ChunkSerializer(serializers.ModelSerializer[Chunk]):
    """A passage."""

    document_name = serializers.CharField(source="document.name", read_only=True)
    headings = serializers.ListField(child=serializers.CharField(), read_only=True)
    metadata = serializers.DictField(read_only=True)

    class Meta:
        model = Chunk
        fields = [
            "id",
            "base",
            "document",
            "document_name",
            "position",
            "text",
            "token_count",
            "page",
            "headings",
            "metadata",
            "enabled",
            "edited",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ChunkCreateSerializer(serializers.Serializer[Any]):
    """A passage written by hand, appended to a document."""

    document = serializers.PrimaryKeyRelatedField(queryset=Document.objects.none())
    text = serializers.CharField(max_length=20_000)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Only documents that the caller can see exist."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and getattr(request, "workspace", None):
            documents = Document.objects.in_workspace(request.workspace).visible_to(request.user)
            fields["document"].queryset = documents  # type: ignore[attr-defined]  # a PrimaryKeyRelatedField
        return fields


class ChunkChangeSerializer(serializers.Serializer[Any]):
    """New text, or switching on or off."""

    text = serializers.CharField(max_length=20_000, required=False)
    enabled = serializers.BooleanField(required=False)


class RetrieveSerializer(serializers.Serializer[Any]):
    """A query; `settings` not given are those of the base."""

    query = serializers.CharField(max_length=4000)
    settings = RetrievalSettingsSerializer(required=False)


class HitSerializer(serializers.Serializer[Any]):
    """A found passage with its scores per stage."""

    chunk_id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    document_name = serializers.CharField()
    base_id = serializers.UUIDField()
    position = serializers.IntegerField()
    text = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField())
    score = serializers.FloatField()
    vector_score = serializers.FloatField(allow_null=True)
    vector_rank = serializers.IntegerField(allow_null=True)
    text_score = serializers.FloatField(allow_null=True)
    text_rank = serializers.IntegerField(allow_null=True)
    rerank_score = serializers.FloatField(allow_null=True)
    metadata = serializers.DictField()


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}})
class TimingsField(serializers.DictField):
    """Milliseconds per stage."""


class RetrievalSerializer(serializers.Serializer[Any]):
    """Hits, best first, and what was done."""

    hits = HitSerializer(many=True)
    mode = serializers.CharField()
    notices = serializers.ListField(child=serializers.CharField())
    timings = TimingsField(child=serializers.FloatField())
