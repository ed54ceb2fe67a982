"""Models that run in this process, without key or network: MiniLM embeddings and the extractive answerer."""

from apps.providers.local.answerer import Answer, answer, pieces
from apps.providers.local.embedder import DIMENSIONS, MiniLMEmbedder, load_embedder
from apps.providers.local.weights import LocalModelMissing, installed

__all__ = [
    "DIMENSIONS",
    "Answer",
    "LocalModelMissing",
    "MiniLMEmbedder",
    "answer",
    "installed",
    "load_embedder",
    "pieces",
]
