"""Ends a round of the container around it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from apps.workflows.dsl.nodetype import Port
from apps.workflows.engine.node import CONTINUE, Node, NodeConfig, NodeContext, Result


class ContinueNode(Node[NodeConfig]):
    """Goes on with the next round."""

    type = "continue"
    title = _("Continue")
    description = _("Goes on with the next round of the loop. What else runs in this round is cancelled.")
    group = "flow"
    icon = "redo"
    Config = NodeConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """Nothing follows."""
        return ()

    def run(self, ctx: NodeContext, config: NodeConfig) -> Result:
        """Give the signal."""
        return Result(port=CONTINUE)
