"""Rows out of a data table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.tables import TableConfig, Where, tables_of


class TableDeleteConfig(TableConfig):
    """Which rows go."""

    where: Where = Field(default_factory=Where, title=_("Conditions"))
    all_rows: bool = Field(False, title=_("All rows"), description=_("Must be on to empty a table."))


class TableDeleteNode(Node[TableDeleteConfig]):
    """Deletes rows."""

    type = "table_delete"
    title = _("Delete from table")
    description = _("Deletes the rows of a data table that meet conditions.")
    group = "data"
    icon = "playlist_remove"
    Config = TableDeleteConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """How many rows."""
        return {"count": Output("integer", _("How many rows were deleted"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """No conditions, and not meant so."""
        if config.where.is_empty and not config.all_rows:
            yield "where", Sentence(_("Give conditions, or switch “All rows” on."))

    async def run(self, ctx: NodeContext, config: TableDeleteConfig) -> Result:
        """Delete. Raises NodeError."""
        return Result({"count": await tables_of(ctx).delete(config.table, config.where.as_dict())})
