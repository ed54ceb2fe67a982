"""Writing the search index: terms, vectors and the counts that BM25 needs. Called by services, in their
transactions."""

from apps.knowledge.indexing.embeddings import embed_chunks, missing_vectors, models_of, reads
from apps.knowledge.indexing.removal import delete_base_rows, delete_chunks, delete_vectors
from apps.knowledge.indexing.statistics import add_terms, recount_base, recount_document, remove_terms
from apps.knowledge.indexing.text import IndexedText, index_text

__all__ = [
    "IndexedText",
    "add_terms",
    "delete_base_rows",
    "delete_chunks",
    "delete_vectors",
    "embed_chunks",
    "index_text",
    "missing_vectors",
    "models_of",
    "reads",
    "recount_base",
    "recount_document",
    "remove_terms",
]
