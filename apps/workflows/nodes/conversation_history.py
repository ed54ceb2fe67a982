"""What was said last in a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicInteger
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import MESSAGES_SCHEMA, ConversationConfig, call


class ConversationHistoryConfig(ConversationConfig):
    """Of which conversation, how much."""

    rounds: DynamicInteger = Field(
        10, title=_("Rounds"), description=_("Questions and answers, at most 200.")
    )


class ConversationHistoryNode(Node[ConversationHistoryConfig]):
    """Reads the last rounds."""

    type = "conversation_history"
    title = _("Conversation history")
    description = _("Reads the last rounds of a conversation, as messages and as one text.")
    group = "people"
    icon = "history"
    Config = ConversationHistoryConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The history, oldest first."""
        return {
            "messages": Output("array[object]", _("The messages, oldest first"), MESSAGES_SCHEMA),
            "text": Output("string", _("The same as one text")),
            "count": Output("integer", _("How many messages")),
        }

    async def run(self, ctx: NodeContext, config: ConversationHistoryConfig) -> Result:
        """Read. Raises NodeError."""
        found = await call(ctx, self.type, conversation=config.conversation, rounds=config.rounds)
        return Result(found)
