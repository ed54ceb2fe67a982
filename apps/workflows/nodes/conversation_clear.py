"""A fresh start within a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import ConversationConfig, call


class ConversationClearConfig(ConversationConfig):
    """Which conversation."""


class ConversationClearNode(Node[ConversationClearConfig]):
    """Clears what is remembered; what was said stays to be read."""

    type = "conversation_clear"
    title = _("Clear history")
    description = _("From now on, earlier messages of a conversation no longer go along as history.")
    group = "people"
    icon = "cleaning_services"
    Config = ConversationClearConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Whether it was there."""
        return {
            "is_success": Output("boolean", _("Whether it was there")),
        }

    async def run(self, ctx: NodeContext, config: ConversationClearConfig) -> Result:
        """Clear. Raises NodeError."""
        found = await call(ctx, self.type, conversation=config.conversation)
        return Result(found)
