"""Tables of agents."""

from __future__ import annotations

from apps.agents.models.agent import Agent
from apps.agents.models.conversation import Conversation, Source
from apps.agents.models.message import Message, MessageRole, MessageState
from apps.agents.models.playground_session import PlaygroundSession
from apps.agents.models.prompt import Prompt, PromptLabel, PromptType, PromptVersion

__all__ = [
    "Agent",
    "Conversation",
    "Message",
    "MessageRole",
    "MessageState",
    "PlaygroundSession",
    "Prompt",
    "PromptLabel",
    "PromptType",
    "PromptVersion",
    "Source",
]
