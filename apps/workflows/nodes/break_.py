"""Ends the rounds of the container around it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from apps.workflows.dsl.nodetype import Port
from apps.workflows.engine.node import BREAK, Node, NodeConfig, NodeContext, Result


class BreakNode(Node[NodeConfig]):
    """Ends a loop."""

    type = "break"
    title = _("Break")
    description = _("Ends the loop around it. What else runs in this round is cancelled.")
    group = "flow"
    icon = "stop_circle"
    Config = NodeConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """Nothing follows."""
        return ()

    def run(self, ctx: NodeContext, config: NodeConfig) -> Result:
        """Give the signal."""
        return Result(port=BREAK)
