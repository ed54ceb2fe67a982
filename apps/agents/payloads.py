"""Agents, conversations and messages as plain data: what the API, the websockets and the pages show."""

from __future__ import annotations

from typing import Any, Final

from apps.agents.branches import Shown
from apps.agents.models import Conversation, Message
from apps.agents.runtime import Citation, Passage

PREVIEW_CHARS: Final = 1_200


def message_payload(message: Message, siblings: list[str] | None = None) -> dict[str, Any]:
    """A message. siblings: ids of its branches, oldest first, itself included."""
    return {
        "id": str(message.pk),
        "conversation_id": str(message.conversation_id),
        "parent_id": str(message.parent_id) if message.parent_id else None,
        "role": message.role,
        "content": message.content,
        "reasoning": message.reasoning,
        "state": message.state,
        "error": message.error,
        "citations": message.citations,
        "notices": message.notices,
        "trace_id": message.trace_id,
        "model": message.model_name,
        "input_tokens": message.input_tokens,
        "output_tokens": message.output_tokens,
        "cost": None if message.cost is None else str(message.cost),
        "latency_ms": message.latency_ms,
        "ttft_ms": message.ttft_ms,
        "feedback": message.feedback,
        "feedback_comment": message.feedback_comment,
        "created_at": message.created_at.isoformat(),
        "siblings": siblings if siblings is not None else [str(message.pk)],
    }


#: What a visitor of a public page is not shown.
_INTERNAL = ("trace_id", "model", "input_tokens", "output_tokens", "cost", "latency_ms", "ttft_ms", "notices")


def public_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """A message payload without what only the workspace should see."""
    return {key: value for key, value in payload.items() if key not in _INTERNAL}


def shown_payload(path: list[Shown]) -> list[dict[str, Any]]:
    """The messages of a shown path."""
    return [message_payload(shown.message, [str(m.pk) for m in shown.siblings]) for shown in path]


def conversation_payload(conversation: Conversation) -> dict[str, Any]:
    """A conversation without its messages."""
    return {
        "id": str(conversation.pk),
        "agent_id": str(conversation.agent_id) if conversation.agent_id else None,
        "title": conversation.title,
        "source": conversation.source,
        "message_count": conversation.message_count,
        "last_state": conversation.last_state,
        "created_at": conversation.created_at.isoformat(),
        "last_message_at": conversation.last_message_at.isoformat(),
    }


def citation_payload(citation: Citation) -> dict[str, Any]:
    """A citation as stored on the message, with the whole passage."""
    return {
        **hit_payload(citation.n, citation.passage),
        "text": citation.passage.text,
        "cited": citation.cited,
    }


def hit_payload(n: int, passage: Passage) -> dict[str, Any]:
    """Passage number `n` of a prompt, as sent while the answer is written."""
    return {
        "n": n,
        "chunk_id": passage.id,
        "document_id": passage.document_id,
        "document_name": passage.title,
        "position": passage.position,
        "score": passage.score,
        "text": passage.text[:PREVIEW_CHARS],
    }
