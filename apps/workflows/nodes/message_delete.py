"""A message out of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import ConversationConfig, call


class MessageDeleteConfig(ConversationConfig):
    """Which message."""

    message_id: DynamicText = Field(title=_("Message"), description=_("Its id."))


class MessageDeleteNode(Node[MessageDeleteConfig]):
    """Deletes a message."""

    type = "message_delete"
    title = _("Delete message")
    description = _("Takes a message out of a conversation.")
    group = "people"
    icon = "delete"
    Config = MessageDeleteConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Whether there was one."""
        return {
            "is_success": Output("boolean", _("Whether it was there")),
        }

    async def run(self, ctx: NodeContext, config: MessageDeleteConfig) -> Result:
        """Delete. Raises NodeError."""
        found = await call(ctx, self.type, conversation=config.conversation, message_id=config.message_id)
        return Result(found)
