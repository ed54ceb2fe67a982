"""A message into a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import MESSAGE_SCHEMA, ConversationConfig, call


class MessageCreateConfig(ConversationConfig):
    """Who says what."""

    role: Literal["user", "assistant"] = Field("assistant", title=_("Who speaks"))
    content: DynamicText = Field(title=_("Text"), json_schema_extra={"x-widget": "textarea"})


class MessageCreateNode(Node[MessageCreateConfig]):
    """Writes a message, once, however often it is tried."""

    type = "message_create"
    title = _("Create message")
    description = _("Adds a message to the end of a conversation.")
    group = "people"
    icon = "add_comment"
    Config = MessageCreateConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The message."""
        return {
            "message": Output("object", _("The message"), MESSAGE_SCHEMA),
            "message_id": Output("string", _("Its id")),
        }

    async def run(self, ctx: NodeContext, config: MessageCreateConfig) -> Result:
        """Write. Raises NodeError."""
        found = await call(
            ctx, self.type, conversation=config.conversation, role=config.role, content=config.content
        )
        return Result(found)
