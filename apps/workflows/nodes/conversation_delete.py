"""The end of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import ConversationConfig, call


class ConversationDeleteConfig(ConversationConfig):
    """Which conversation; never the one the run belongs to."""


class ConversationDeleteNode(Node[ConversationDeleteConfig]):
    """Deletes a conversation."""

    type = "conversation_delete"
    title = _("Delete conversation")
    description = _("Deletes a conversation with its messages.")
    group = "people"
    icon = "delete_forever"
    Config = ConversationDeleteConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Whether there was one."""
        return {
            "is_success": Output("boolean", _("Whether it was there")),
        }

    async def run(self, ctx: NodeContext, config: ConversationDeleteConfig) -> Result:
        """Delete. Raises NodeError."""
        found = await call(ctx, self.type, conversation=config.conversation)
        return Result(found)
