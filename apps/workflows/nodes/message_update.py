"""Another text in a message's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import MESSAGE_SCHEMA, ConversationConfig, call


class MessageUpdateConfig(ConversationConfig):
    """Which message says what."""

    message_id: DynamicText = Field(title=_("Message"), description=_("Its id."))
    content: DynamicText = Field(title=_("Text"), json_schema_extra={"x-widget": "textarea"})


class MessageUpdateNode(Node[MessageUpdateConfig]):
    """Changes a message."""

    type = "message_update"
    title = _("Edit message")
    description = _("Writes another text in a message's place.")
    group = "people"
    icon = "edit"
    Config = MessageUpdateConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The message."""
        return {
            "message": Output("object", _("The message"), MESSAGE_SCHEMA),
            "is_success": Output("boolean", _("Whether it was there")),
        }

    async def run(self, ctx: NodeContext, config: MessageUpdateConfig) -> Result:
        """Change. Raises NodeError."""
        found = await call(
            ctx,
            self.type,
            conversation=config.conversation,
            message_id=config.message_id,
            content=config.content,
        )
        return Result(found)
