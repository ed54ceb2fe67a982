"""Conversations of the person with this workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicInteger
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.conversations import CONVERSATION_SCHEMA, call


class ConversationListConfig(NodeConfig):
    """How many."""

    limit: DynamicInteger = Field(
        50, title=_("Most conversations"), description=_("At most 200, newest first.")
    )


class ConversationListNode(Node[ConversationListConfig]):
    """Reads the list of conversations."""

    type = "conversation_list"
    title = _("Conversation list")
    description = _("Lists the conversations the person has with this workflow.")
    group = "people"
    icon = "list_alt"
    Config = ConversationListConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The conversations."""
        return {
            "conversations": Output(
                "array[object]",
                _("The conversations, newest first"),
                {"type": "array", "items": CONVERSATION_SCHEMA},
            ),
            "count": Output("integer", _("How many")),
        }

    async def run(self, ctx: NodeContext, config: ConversationListConfig) -> Result:
        """Read. Raises NodeError."""
        found = await call(ctx, self.type, limit=config.limit)
        return Result(found)
