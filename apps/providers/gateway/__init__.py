"""The only caller of models: retries, fallbacks, limits, time, cost and one span per call."""

from apps.providers.gateway.attempts import price
from apps.providers.gateway.chat import chat, stream_chat
from apps.providers.gateway.embedding import EmbeddingResult, embed, embed_sync
from apps.providers.gateway.reranking import rerank
from apps.providers.wire import RankedDocument

__all__ = [
    "EmbeddingResult",
    "RankedDocument",
    "chat",
    "embed",
    "embed_sync",
    "price",
    "rerank",
    "stream_chat",
]
