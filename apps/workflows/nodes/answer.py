"""A piece of the answer of a chatflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result


class AnswerConfig(NodeConfig):
    """What to say."""

    answer: DynamicText | None = Field(
        None,
        title=_("Answer"),
        description=_("Text and outputs of nodes. It is said piece by piece, while they are made."),
        json_schema_extra={"x-widget": "textarea"},
    )
    files: DynamicAny = Field(None, title=_("Files"), description=_("A file or a list of files to show."))


class AnswerNode(Node[AnswerConfig]):
    """Says something to the person."""

    type = "answer"
    title = _("Answer")
    description = _("Says a text while it is being written. Several answers come in the order of the graph.")
    group = "people"
    icon = "chat"
    Config = AnswerConfig
    answer_field = "answer"
    ends = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The text, and the files."""
        return {
            "answer": Output("string", _("The text that was said")),
            "files": Output("array[file]", _("The files that were shown")),
        }

    def run(self, ctx: NodeContext, config: AnswerConfig) -> Result:
        """The text as a whole; by then most of it has been said."""
        outputs: dict[str, Any] = {"answer": config.answer or ""}
        if config.files:
            outputs["files"] = config.files if isinstance(config.files, list) else [config.files]
        return Result(outputs)
