"""What the nodes of messages and conversations share."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.engine.node import NodeConfig, NodeContext
from apps.workflows.nodes.support.ports import need


class ConversationConfig(NodeConfig):
    """Which conversation is meant: one that the person has with this workflow."""

    conversation: DynamicText = Field(
        "",
        title=_("Conversation"),
        description=_("Its id or name. Empty: the one the run belongs to."),
    )


async def call(ctx: NodeContext, operation: str, **arguments: Any) -> dict[str, Any]:
    """Have the port do it. Raises NodeError."""
    port = need(ctx.ports.conversation, "Conversations")
    return await port.call(operation, {**arguments, "key": ctx.idempotency_key})


#: A message as an output.
MESSAGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "role": {"type": "string", "enum": ["user", "assistant"]},
        "content": {"type": "string"},
        "created_at": {"type": "string"},
    },
}
MESSAGES_SCHEMA: dict[str, Any] = {"type": "array", "items": MESSAGE_SCHEMA}
#: A conversation as an output.
CONVERSATION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "message_count": {"type": "integer"},
        "created_at": {"type": "string"},
        "last_message_at": {"type": "string"},
    },
}
