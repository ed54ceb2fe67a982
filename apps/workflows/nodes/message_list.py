"""Messages of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicInteger, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import MESSAGES_SCHEMA, ConversationConfig, call


class MessageListConfig(ConversationConfig):
    """Which messages."""

    limit: DynamicInteger = Field(20, title=_("Most messages"), description=_("At most 100."))
    before: DynamicText = Field(
        "", title=_("Before this message"), description=_("Its id: the page of older messages.")
    )
    after: DynamicText = Field(
        "", title=_("After this message"), description=_("Its id: the page of newer messages.")
    )
    order: Literal["asc", "desc"] = Field("desc", title=_("Order"), description=_("desc: newest first."))


class MessageListNode(Node[MessageListConfig]):
    """Reads messages."""

    type = "message_list"
    title = _("Message list")
    description = _("Reads the messages of a conversation, page by page.")
    group = "people"
    icon = "forum"
    Config = MessageListConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """A page of messages."""
        return {
            "messages": Output("array[object]", _("The messages"), MESSAGES_SCHEMA),
            "first_id": Output("string", _("Id of the first")),
            "last_id": Output("string", _("Id of the last")),
            "has_more": Output("boolean", _("Whether there are more")),
        }

    async def run(self, ctx: NodeContext, config: MessageListConfig) -> Result:
        """Read. Raises NodeError."""
        found = await call(
            ctx,
            self.type,
            conversation=config.conversation,
            limit=config.limit,
            before=config.before,
            after=config.after,
            order=config.order,
        )
        return Result(found)
