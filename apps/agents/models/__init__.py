"""Tables of agents."""

from __future__ import annotations

from apps.agents.models.agent import Agent
from apps.agents.models.conversation import Conversation, Source
from apps.agents.models.message import Message, MessageRole, MessageState

__all__ = ["Agent", "Conversation", "Message", "MessageRole", "MessageState", "Source"]
