"""Inputs and outputs of model calls as a conversation, whoever wrote them down. Plain Python."""

from apps.tracing.chat.read import chat_of, read_chat
from apps.tracing.chat.turn import Chat, Part, PartKind, Role, Turn

__all__ = ["Chat", "Part", "PartKind", "Role", "Turn", "chat_of", "read_chat"]
