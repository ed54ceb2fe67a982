"""Document frequencies of terms, and the counts on the base."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.db.models import Count, Sum

from apps.knowledge.models import Chunk, Document, KnowledgeBase

# Sorted by term: two transactions that touch the same terms then lock them in the same order.
_ADD = """
INSERT INTO knowledge_term (base_id, term, df)
SELECT %(base)s, term, %(sign)s * count(*)
FROM knowledge_chunk, unnest(tsvector_to_array(tv)) AS term
WHERE id = ANY(%(chunks)s)
GROUP BY term ORDER BY term
ON CONFLICT (base_id, term) DO UPDATE SET df = knowledge_term.df + EXCLUDED.df
"""
_SWEEP = """
DELETE FROM knowledge_term
WHERE base_id = %(base)s AND df <= 0
  AND term = ANY(SELECT unnest(tsvector_to_array(tv)) FROM knowledge_chunk WHERE id = ANY(%(chunks)s))
"""


def add_terms(base_id: UUID, chunk_ids: Iterable[UUID]) -> None:
    """Count the terms of chunks that become searchable. Call with the base row locked."""
    _execute(_ADD, base_id, chunk_ids, sign=1)


def remove_terms(base_id: UUID, chunk_ids: Iterable[UUID]) -> None:
    """Take the terms of chunks out of the counts, before the chunks change or go. Call with the base row
    locked."""
    chunks = list(chunk_ids)
    _execute(_ADD, base_id, chunks, sign=-1)
    _execute(_SWEEP, base_id, chunks, sign=-1)


def _execute(sql: str, base_id: UUID, chunk_ids: Iterable[UUID], sign: int) -> None:
    chunks = list(chunk_ids)
    if not chunks:
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, {"base": base_id, "chunks": chunks, "sign": sign})


def recount_base(base: KnowledgeBase) -> None:
    """Write the base's counts and language from its documents' counts. Call with the base row locked."""
    documents = Document.objects.filter(base=base, enabled=True, generation__gt=0)
    totals = documents.aggregate(chunks=Sum("chunk_count"), terms=Sum("term_total"))
    languages = documents.exclude(language="").values_list("language").annotate(total=Sum("term_total"))
    main = max(languages, key=lambda row: row[1] or 0, default=("", 0))
    base.chunk_count, base.term_total, base.language = totals["chunks"] or 0, totals["terms"] or 0, main[0]
    base.save(update_fields=["chunk_count", "term_total", "language", "updated_at"])


def recount_document(document: Document) -> None:
    """Write a document's counts from its searched chunks."""
    totals = Chunk.objects.current(document).aggregate(chunks=Count("pk"), terms=Sum("term_count"))
    document.chunk_count, document.term_total = totals["chunks"], totals["terms"] or 0
    document.save(update_fields=["chunk_count", "term_total", "updated_at"])
