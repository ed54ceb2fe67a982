"""The OpenAI-compatible wire, in plain Python: requests, streams, embeddings and reranking over aiohttp."""

from apps.providers.wire.client import OpenAIClient, Timeouts
from apps.providers.wire.errors import WireError, WireReason
from apps.providers.wire.events import Completed, ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from apps.providers.wire.messages import (
    ChatMessage,
    ChatRequest,
    ContextPassage,
    Image,
    Role,
    ToolCall,
    ToolSpec,
)
from apps.providers.wire.rerank import RankedDocument
from apps.providers.wire.usage import Usage

__all__ = [
    "ChatMessage",
    "ChatRequest",
    "Completed",
    "ContextPassage",
    "Image",
    "OpenAIClient",
    "RankedDocument",
    "ReasoningDelta",
    "Role",
    "StreamEvent",
    "TextDelta",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "ToolSpec",
    "Usage",
    "WireError",
    "WireReason",
]
