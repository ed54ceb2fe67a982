"""A document out of a knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.knowledge import BaseRef
from apps.workflows.nodes.support.ports import need


class KnowledgeDeleteConfig(NodeConfig):
    """Which document."""

    base: BaseRef = Field(
        title=_("Knowledge base"), description=_("Id or name."), json_schema_extra={"x-widget": "base"}
    )
    document_id: DynamicText = Field(title=_("Document"), description=_("Its id."))
    required: bool = Field(False, title=_("Fail when it is not there"))


class KnowledgeDeleteNode(Node[KnowledgeDeleteConfig]):
    """Deletes a document."""

    type = "knowledge_delete"
    title = _("Knowledge delete")
    description = _("Deletes a document of a knowledge base with its passages.")
    group = "knowledge"
    icon = "delete_sweep"
    Config = KnowledgeDeleteConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Whether there was one."""
        return {"deleted": Output("boolean", _("Whether there was such a document"))}

    async def run(self, ctx: NodeContext, config: KnowledgeDeleteConfig) -> Result:
        """Delete. Raises NodeError (no_document) where it is required."""
        port = need(ctx.ports.knowledge, "Knowledge bases")
        # a try before this one may have deleted it already
        deleted = await port.delete(config.base, config.document_id) or ctx.attempt > 1
        if config.required and not deleted:
            raise NodeError(
                f"There is no document “{config.document_id[:60]}” in the base.", code="no_document"
            )
        return Result({"deleted": deleted})
