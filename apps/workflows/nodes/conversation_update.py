"""Another name for a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.conversations import CONVERSATION_SCHEMA, ConversationConfig, call


class ConversationUpdateConfig(ConversationConfig):
    """Which conversation gets which name."""

    name: DynamicText = Field(title=_("New name"))


class ConversationUpdateNode(Node[ConversationUpdateConfig]):
    """Renames a conversation."""

    type = "conversation_update"
    title = _("Rename conversation")
    description = _("Gives a conversation another name.")
    group = "people"
    icon = "drive_file_rename_outline"
    Config = ConversationUpdateConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The conversation."""
        return {
            "conversation": Output("object", _("The conversation"), CONVERSATION_SCHEMA),
            "conversation_id": Output("string", _("Its id")),
            "is_success": Output("boolean", _("Whether it was renamed")),
        }

    async def run(self, ctx: NodeContext, config: ConversationUpdateConfig) -> Result:
        """Rename. Raises NodeError."""
        found = await call(ctx, self.type, conversation=config.conversation, name=config.name)
        return Result(found)
