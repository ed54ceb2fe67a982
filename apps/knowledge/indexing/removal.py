"""Deleting many rows at once: Django's cascade would load every chunk to delete it."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from apps.knowledge.querysets import ChunkQuerySet


def delete_chunks(chunks: ChunkQuerySet) -> None:
    """Delete chunks with their vectors; their terms must have been taken out before."""
    ids = list(chunks.values_list("pk", flat=True))
    _execute("DELETE FROM knowledge_chunkembedding WHERE chunk_id = ANY(%s)", ids)
    _execute("DELETE FROM knowledge_chunk WHERE id = ANY(%s)", ids)


def delete_vectors(base_id: UUID, model_id: UUID) -> None:
    """Delete the vectors one model made for a base."""
    _execute("DELETE FROM knowledge_chunkembedding WHERE base_id = %s AND model_id = %s", base_id, model_id)


def delete_base_rows(base_id: UUID) -> None:
    """Delete vectors, chunks and terms of a base."""
    for table in ("knowledge_chunkembedding", "knowledge_chunk", "knowledge_term"):
        _execute(f"DELETE FROM {table} WHERE base_id = %s", base_id)  # noqa: S608  # names from the line above


def _execute(sql: str, *params: UUID | list[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
