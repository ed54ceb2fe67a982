"""Rows of a data table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicInteger
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.tables import ROW_SCHEMA, TableConfig, Where, tables_of


class Order(NodeConfig):
    """A column to order by."""

    column: str = Field(
        min_length=1, max_length=63, title=_("Column"), json_schema_extra={"x-widget": "column"}
    )
    direction: Literal["asc", "desc"] = Field("asc", title=_("Direction"))


class TableQueryConfig(TableConfig):
    """Which rows, which columns, in which order."""

    where: Where = Field(default_factory=Where, title=_("Conditions"))
    columns: list[str] = Field(
        default_factory=list,
        max_length=100,
        title=_("Columns"),
        description=_("Empty: all of them."),
        json_schema_extra={"x-widget": "columns"},
    )
    distinct: bool = Field(False, title=_("Different rows only"), description=_("Of the chosen columns."))
    order_by: list[Order] = Field(
        default_factory=list, max_length=10, title=_("Order"), description=_("Empty: oldest first.")
    )
    limit: DynamicInteger = Field(100, title=_("Most rows"), description=_("At most 10,000."))
    offset: DynamicInteger = Field(0, title=_("Rows passed over"), json_schema_extra={"x-advanced": True})


class TableQueryNode(Node[TableQueryConfig]):
    """Reads rows."""

    type = "table_query"
    title = _("Query table")
    description = _("Reads the rows of a data table that meet conditions.")
    group = "data"
    icon = "table_view"
    Config = TableQueryConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The rows."""
        return {
            "rows": Output("array[object]", _("The rows"), ROW_SCHEMA),
            "count": Output("integer", _("How many")),
            "first": Output("object", _("The first row, null when there is none")),
        }

    async def run(self, ctx: NodeContext, config: TableQueryConfig) -> Result:
        """Read. Raises NodeError."""
        query = {
            "where": config.where.as_dict(),
            "fields": config.columns,
            "distinct": config.distinct,
            "order_by": [{"column": each.column, "direction": each.direction} for each in config.order_by],
            "limit": config.limit,
            "offset": config.offset,
        }
        rows = await tables_of(ctx).query(config.table, query)
        return Result({"rows": rows, "count": len(rows), "first": rows[0] if rows else None})
