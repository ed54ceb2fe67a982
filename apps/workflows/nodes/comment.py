"""A note on the canvas."""

from __future__ import annotations

from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.nodetype import Port
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result


class CommentConfig(NodeConfig):
    """What it says, and how it looks."""

    text: str = Field(
        "",
        max_length=20_000,
        title=_("Text"),
        json_schema_extra={"x-widget": "textarea", "x-language": "markdown"},
    )
    color: Literal["blue", "cyan", "green", "yellow", "pink", "violet", "grey"] = Field(
        "yellow", title=_("Color"), json_schema_extra={"x-widget": "select"}
    )
    author: str = Field("", max_length=200, title=_("Author"))


class CommentNode(Node[CommentConfig]):
    """Says something to whoever reads the workflow; never runs."""

    type = "comment"
    title = _("Comment")
    description = _("A note for people who read the workflow. It does nothing.")
    group = "other"
    icon = "sticky_note_2"
    Config = CommentConfig
    inert = True

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """Nothing follows a note."""
        return ()

    def run(self, ctx: NodeContext, config: CommentConfig) -> Result:
        """Do nothing."""
        return Result()
