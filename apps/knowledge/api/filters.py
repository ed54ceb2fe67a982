"""Filters of the knowledge API's lists."""

from __future__ import annotations

import django_filters

from apps.knowledge.models import Chunk, Document, DocumentState
from apps.knowledge.querysets import ChunkQuerySet


class DocumentFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter carries no types
    """Documents of a base, in a state, by name."""

    base = django_filters.UUIDFilter(field_name="base_id")
    state = django_filters.MultipleChoiceFilter(choices=DocumentState.choices)
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Document
        fields = ["base", "state", "name", "enabled"]


class ChunkFilter(django_filters.FilterSet):  # type: ignore[misc]  # as above
    """Chunks of a document or base, holding words."""

    document = django_filters.UUIDFilter(field_name="document_id")
    base = django_filters.UUIDFilter(field_name="base_id")
    text = django_filters.CharFilter(method="holding", label="Chunks that hold all of these words.")

    class Meta:
        model = Chunk
        fields = ["document", "base", "enabled", "text"]

    def holding(self, queryset: ChunkQuerySet, name: str, value: str) -> ChunkQuerySet:
        """Chunks whose text holds the words."""
        return queryset.containing(value)
