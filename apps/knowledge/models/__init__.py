"""Tables of the knowledge app."""

from apps.knowledge.models.chunk import Chunk
from apps.knowledge.models.chunk_embedding import INDEXED_DIMENSIONS, ChunkEmbedding
from apps.knowledge.models.document import Document, DocumentState
from apps.knowledge.models.knowledge_base import KnowledgeBase
from apps.knowledge.models.term import Term

__all__ = [
    "INDEXED_DIMENSIONS",
    "Chunk",
    "ChunkEmbedding",
    "Document",
    "DocumentState",
    "KnowledgeBase",
    "Term",
]
