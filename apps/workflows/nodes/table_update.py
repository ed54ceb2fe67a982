"""Changed rows of a data table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.tables import TableConfig, Where, tables_of


class TableUpdateConfig(TableConfig):
    """Which rows get which values."""

    where: Where = Field(default_factory=Where, title=_("Conditions"))
    values: dict[str, DynamicAny] = Field(
        min_length=1,
        title=_("New values"),
        description=_("By column."),
        json_schema_extra={"x-widget": "variables", "x-names": "columns"},
    )
    all_rows: bool = Field(
        False, title=_("All rows"), description=_("Must be on to change a table without conditions.")
    )


class TableUpdateNode(Node[TableUpdateConfig]):
    """Changes rows."""

    type = "table_update"
    title = _("Update table")
    description = _("Changes the rows of a data table that meet conditions.")
    group = "data"
    icon = "edit_note"
    Config = TableUpdateConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """How many rows."""
        return {"count": Output("integer", _("How many rows were changed"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """No conditions, and not meant so."""
        if config.where.is_empty and not config.all_rows:
            yield "where", Sentence(_("Give conditions, or switch “All rows” on."))

    async def run(self, ctx: NodeContext, config: TableUpdateConfig) -> Result:
        """Change. Raises NodeError."""
        count = await tables_of(ctx).update(config.table, config.where.as_dict(), config.values)
        return Result({"count": count})
