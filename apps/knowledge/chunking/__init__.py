"""Cutting a parsed document into passages to embed and search: one file per strategy behind one registry."""

from apps.knowledge.chunking.chunk import ChunkDraft
from apps.knowledge.chunking.registry import STRATEGIES, ChunkingSettings, chunk
from apps.knowledge.chunking.tokens import estimate_tokens

__all__ = ["STRATEGIES", "ChunkDraft", "ChunkingSettings", "chunk", "estimate_tokens"]
