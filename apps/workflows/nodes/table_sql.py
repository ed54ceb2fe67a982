"""One SQL statement over the data tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.tables import ROW_SCHEMA, tables_of


class TableSqlConfig(NodeConfig):
    """The statement and its parameters. The statement itself is never made from values."""

    statement: str = Field(
        min_length=1,
        max_length=50_000,
        title=_("Statement"),
        description=_("SELECT, INSERT, UPDATE or DELETE over the workspace's tables, values as :name."),
        json_schema_extra={"x-widget": "code", "x-language": "sql"},
    )
    parameters: dict[str, DynamicAny] = Field(
        default_factory=dict,
        title=_("Parameters"),
        description=_("Values of the places in the statement, by name."),
        json_schema_extra={"x-widget": "variables"},
    )
    read_only: bool = Field(True, title=_("Read only"))
    limit: int = Field(1_000, ge=1, le=10_000, title=_("Most rows"))
    timeout_s: float = Field(10, gt=0, le=60, title=_("Time limit"), description=_("In seconds."))


class TableSqlNode(Node[TableSqlConfig]):
    """Runs a statement as a database user that sees the workspace's tables and nothing else."""

    type = "table_sql"
    title = _("SQL")
    description = _("Runs one SQL statement over the workspace's data tables, with bound parameters.")
    group = "data"
    icon = "database"
    Config = TableSqlConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """What the statement gives."""
        return {
            "rows": Output("array[object]", _("The rows"), ROW_SCHEMA),
            "count": Output("integer", _("How many rows were read or changed")),
            "first": Output("object", _("The first row, null when there is none")),
            "truncated": Output("boolean", _("Whether there were more rows than the limit")),
        }

    async def run(self, ctx: NodeContext, config: TableSqlConfig) -> Result:
        """Run it. Raises NodeError."""
        found = await tables_of(ctx).sql(
            config.statement,
            config.parameters,
            read_only=config.read_only,
            limit=config.limit,
            timeout_s=config.timeout_s,
        )
        return Result(
            {
                "rows": found.rows,
                "count": found.count,
                "first": found.rows[0] if found.rows else None,
                "truncated": found.truncated,
            }
        )
