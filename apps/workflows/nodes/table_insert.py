"""New rows in a data table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.nodes.support.tables import ROW_SCHEMA, TableConfig, tables_of


class TableInsertConfig(TableConfig):
    """The values of one row, or rows that an earlier node made."""

    values: dict[str, DynamicAny] = Field(
        default_factory=dict,
        title=_("Values"),
        description=_("Of one row, by column."),
        json_schema_extra={"x-widget": "variables", "x-names": "columns"},
    )
    rows: DynamicAny = Field(
        None,
        title=_("Rows"),
        description=_("Instead of values: an object, or a list of objects, with the columns' names."),
        json_schema_extra={"x-widget": "reference"},
    )


class TableInsertNode(Node[TableInsertConfig]):
    """Adds rows, once, however often it is tried."""

    type = "table_insert"
    title = _("Insert into table")
    description = _("Adds one or several rows to a data table; all or none.")
    group = "data"
    icon = "playlist_add"
    Config = TableInsertConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The rows as they are in the table."""
        return {
            "rows": Output("array[object]", _("The new rows, with their ids"), ROW_SCHEMA),
            "count": Output("integer", _("How many")),
            "id": Output("integer", _("Id of the (first) new row")),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Nothing to insert, or two things."""
        if not config.values and config.rows is None:
            yield "values", Sentence(_("Give the values of a row, or rows."))
        if config.values and config.rows is not None:
            yield "rows", Sentence(_("Give either values or rows."))

    async def run(self, ctx: NodeContext, config: TableInsertConfig) -> Result:
        """Insert. Raises NodeError."""
        rows = _rows(config)
        made = await tables_of(ctx).insert(config.table, rows, key=ctx.idempotency_key) if rows else []
        return Result({"rows": made, "count": len(made), "id": made[0]["id"] if made else None})


def _rows(config: TableInsertConfig) -> list[Mapping[str, Any]]:
    given = config.rows if config.rows is not None else dict(config.values)
    found = given if isinstance(given, list) else [given]
    stray = next((number for number, row in enumerate(found, 1) if not isinstance(row, Mapping)), None)
    if stray is not None:
        raise NodeError(f"Row {stray} is no object with values by column.", code="bad_row")
    return found
