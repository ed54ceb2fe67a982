"""Parts of the configuration that the nodes of data tables share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import Dynamic, DynamicAny, Resource
from apps.workflows.engine.node import NodeConfig, NodeContext
from apps.workflows.engine.ports import TablePort
from apps.workflows.nodes.support.ports import need

Operator = Literal[
    "=", "!=", ">", ">=", "<", "<=", "in", "not in", "like", "not like", "contains", "not contains",
    "starts with", "ends with", "between", "is null", "is not null", "empty", "not empty",
]  # fmt: skip


class Condition(NodeConfig):
    """A condition on a column."""

    column: str = Field(
        min_length=1, max_length=63, title=_("Column"), json_schema_extra={"x-widget": "column"}
    )
    op: Operator = Field("=", title=_("Operator"))
    value: DynamicAny = Field(
        None, title=_("Value"), description=_("A list for in, not in and between; none for null and empty.")
    )


class Group(NodeConfig):
    """Conditions within conditions."""

    match: Literal["all", "any"] = Field("any", title=_("Must hold"))
    conditions: list[Condition] = Field(min_length=1, max_length=50, title=_("Conditions"))


class Where(NodeConfig):
    """Which rows are meant."""

    match: Literal["all", "any"] = Field("all", title=_("Must hold"))
    conditions: list[Condition] = Field(default_factory=list, max_length=50, title=_("Conditions"))
    groups: list[Group] = Field(
        default_factory=list,
        max_length=20,
        title=_("Groups"),
        description=_("Each counts as one condition."),
        json_schema_extra={"x-advanced": True},
    )

    @property
    def is_empty(self) -> bool:
        """Whether every row is meant."""
        return not self.conditions and not self.groups

    def as_dict(self) -> dict[str, Any]:
        """For the port."""
        return {
            self.match: [*_plain(self.conditions), *({g.match: _plain(g.conditions)} for g in self.groups)]
        }


class TableConfig(NodeConfig):
    """The table of a node."""

    table: Annotated[str, Dynamic("string"), Resource("table")] = Field(
        title=_("Table"), description=_("Its name or id."), json_schema_extra={"x-widget": "table"}
    )


def tables_of(ctx: NodeContext) -> TablePort:
    """The data tables of the workspace."""
    return need(ctx.ports.tables, "Data tables")


def _plain(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    return [{"column": each.column, "op": each.op, "value": each.value} for each in conditions]


#: A row as an output.
ROW_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "integer"}}},
}
