"""Data tables of the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.workflows.adapters.database import in_thread, node_error
from apps.workflows.engine.ports import SqlResult
from apps.workflows.services import data_table as tables
from apps.workflows.tables.execute import Login, execute
from apps.workflows.tables.rows import select_rows
from apps.workflows.tables.statement import bind, parse


class WorkspaceTables:
    """Acts for the workflow: whoever may change it has chosen its tables, whoever may run it uses them."""

    def __init__(self, workspace: Workspace, actor: Actor) -> None:
        self._workspace = workspace
        self._actor = actor
        self._login: Login | None = None

    async def query(self, table: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `TablePort`."""
        return await in_thread(self._query, table, query)

    async def insert(
        self, table: str, rows: Sequence[Mapping[str, Any]], *, key: str
    ) -> list[dict[str, Any]]:
        """See `TablePort`."""
        return await in_thread(self._insert, table, rows, key)

    async def update(self, table: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """See `TablePort`."""
        return await in_thread(self._update, table, where, values)

    async def delete(self, table: str, where: Mapping[str, Any]) -> int:
        """See `TablePort`."""
        return await in_thread(self._delete, table, where)

    async def sql(
        self,
        statement: str,
        params: Mapping[str, Any],
        *,
        read_only: bool = False,
        limit: int = 1_000,
        timeout_s: float = 10.0,
    ) -> SqlResult:
        """See `TablePort`."""
        try:
            parsed = parse(statement, read_only=read_only)
            values = bind(parsed, params)
            if self._login is None:
                self._login = await in_thread(self._open)
            found = await execute(
                self._login, parsed, values, read_only=read_only, limit=limit, timeout_s=timeout_s
            )
        except FlywheelError as error:
            raise node_error(error) from error
        return SqlResult(found.rows, found.count, found.truncated)

    def _query(self, table: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        return select_rows(tables.place_of(tables.find_table(self._workspace, table)), query)

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
        found = tables.find_table(self._workspace, table)
        return tables.insert_rows(actor=self._actor, table=found, rows=rows, key=key)

    def _update(self, table: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        found = tables.find_table(self._workspace, table)
        return tables.update_rows(actor=self._actor, table=found, where=where, values=values)

    def _delete(self, table: str, where: Mapping[str, Any]) -> int:
        found = tables.find_table(self._workspace, table)
        return tables.delete_rows(actor=self._actor, table=found, where=where)

    def _open(self) -> Login:
        space = tables.ensure_role(self._workspace)
        return Login(space.role, space.schema, space.password.reveal() if space.password else "")
