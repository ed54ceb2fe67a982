"""A conversation of the person with this workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.conversations import CONVERSATION_SCHEMA, call


class ConversationCreateConfig(NodeConfig):
    """Its name."""

    name: DynamicText = Field(
        title=_("Name"), description=_("One conversation per name, person and workflow.")
    )


class ConversationCreateNode(Node[ConversationCreateConfig]):
    """Opens a conversation; one that has the name already is taken."""

    type = "conversation_create"
    title = _("Create conversation")
    description = _("Opens a conversation under a name, or finds the one that has it.")
    group = "people"
    icon = "chat_add_on"
    Config = ConversationCreateConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The conversation."""
        return {
            "conversation": Output("object", _("The conversation"), CONVERSATION_SCHEMA),
            "conversation_id": Output("string", _("Its id")),
            "is_existed": Output("boolean", _("Whether it was there already")),
            "is_success": Output("boolean", _("Whether it is there now")),
        }

    async def run(self, ctx: NodeContext, config: ConversationCreateConfig) -> Result:
        """Open or find. Raises NodeError."""
        found = await call(ctx, self.type, name=config.name)
        return Result(found)
