"""Data tables: making, changing and dropping them, and writing their rows."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid, NotFound
from apps.core.models import Workspace
from apps.workflows.models.data_table import DataTable, TableInsert, TableSpace
from apps.workflows.tables import role as roles
from apps.workflows.tables import rows as table_rows
from apps.workflows.tables import schema as table_schema
from apps.workflows.tables.columns import SYSTEM_COLUMNS, Column, check_columns, check_name, dump_json
from apps.workflows.tables.rows import Place, Row

MAX_IMPORT_BYTES: Final = 20 * 1024 * 1024
MAX_IMPORT_ROWS: Final = 100_000
#: How long the keys of inserts are remembered: longer than any run lives.
KEYS_KEPT: Final = timedelta(days=60)

_IMPORT_BATCH = 1_000
_AUDITED = ("name", "description", "columns")


@transaction.atomic
def create_table(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    columns: Iterable[Any],
    description: str = "",
) -> DataTable:
    """Make a table. Raises Invalid naming what is wrong, Conflict when the name is taken."""
    permissions.require_in(actor, "add", DataTable, workspace)
    check_name(name)
    checked = check_columns(columns)
    space = ensure_space(workspace)
    try:
        with transaction.atomic():
            table = DataTable.objects.create(
                workspace=workspace,
                name=name,
                description=description,
                columns=[_dump(column) for column in checked],
                created_by=actor.user,
            )
    except IntegrityError:
        raise _taken(name) from None
    table_schema.create_table(Place(space.schema, name, checked), space.role)
    audit.record(
        actor=actor, action="workflows.data_table.create", obj=table, after=audit.snapshot(table, _AUDITED)
    )
    return table


@transaction.atomic
def update_table(
    *,
    actor: Actor,
    table: DataTable,
    name: str | None = None,
    description: str | None = None,
    columns: Iterable[Any] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> DataTable:
    """Rename or describe a table, or change its columns. `renamed` maps old column names to new ones.

    Columns that are not in the new list are dropped with their values. Raises Invalid, Conflict.
    """
    permissions.require(actor, "change", table)
    locked = DataTable.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=table.pk)
    space = ensure_space(locked.workspace)
    before = audit.snapshot(locked, _AUDITED)
    if columns is not None:
        _change_columns(space, locked, check_columns(columns), renamed or {})
    if description is not None:
        locked.description = description
    if name is not None and name != locked.name:
        _rename(space, locked, check_name(name))
    locked.save(update_fields=["name", "description", "columns", "updated_at"])
    after = audit.snapshot(locked, _AUDITED)
    audit.record(actor=actor, action="workflows.data_table.update", obj=locked, before=before, after=after)
    return locked


@transaction.atomic
def delete_table(*, actor: Actor, table: DataTable) -> None:
    """Drop a table with its rows."""
    permissions.require(actor, "delete", table)
    audit.record(
        actor=actor, action="workflows.data_table.delete", obj=table, before=audit.snapshot(table, _AUDITED)
    )
    table_schema.drop_table(place_of(table))
    table.delete()


@transaction.atomic
def insert_rows(
    *, actor: Actor, table: DataTable, rows: Sequence[Mapping[str, Any]], key: str = ""
) -> list[Row]:
    """Insert rows, all or none. With a `key` that was used before, the rows it made are returned instead."""
    permissions.require(actor, "write_rows", table)
    place = place_of(table)
    if not key:
        return table_rows.insert_rows(place, rows)
    known, fresh = TableInsert.objects.get_or_create(table=table, key=key[:120])
    if not fresh:
        where = {"column": "id", "op": "in", "value": known.row_ids}
        return table_rows.select_rows(place, {"where": where, "limit": table_rows.MAX_ROWS})
    inserted = table_rows.insert_rows(place, rows)
    known.row_ids = [row["id"] for row in inserted]
    known.save(update_fields=["row_ids"])
    return inserted


def update_rows(
    *, actor: Actor, table: DataTable, where: Mapping[str, Any] | None, values: Mapping[str, Any]
) -> int:
    """Change the rows that fit the conditions; returns how many."""
    permissions.require(actor, "write_rows", table)
    return table_rows.update_rows(place_of(table), where, values)


def delete_rows(*, actor: Actor, table: DataTable, where: Mapping[str, Any] | None) -> int:
    """Delete the rows that fit the conditions; returns how many."""
    permissions.require(actor, "write_rows", table)
    return table_rows.delete_rows(place_of(table), where)


@transaction.atomic
def import_csv(*, actor: Actor, table: DataTable, content: bytes) -> int:
    """Append the rows of a CSV file whose first line names columns; all or none. Returns how many.

    Raises Invalid naming the line that does not fit.
    """
    permissions.require(actor, "write_rows", table)
    if len(content) > MAX_IMPORT_BYTES:
        raise Invalid(_("The file is larger than 20 MB."))
    place = place_of(table)
    count = 0
    batch: list[dict[str, Any]] = []
    for number, row in _csv_rows(content, place):
        count += 1
        if count > MAX_IMPORT_ROWS:
            raise Invalid(_("The file has more than %(limit)d rows.") % {"limit": MAX_IMPORT_ROWS})
        batch.append(row)
        if len(batch) == _IMPORT_BATCH:
            _insert_lines(place, batch, number)
            batch = []
    if batch:
        _insert_lines(place, batch, count + 1)
    audit.record(actor=actor, action="workflows.data_table.import", obj=table, after={"rows": count})
    return count


def export_csv(table: DataTable) -> Iterator[str]:
    """The rows as lines of CSV, the header first; the caller has checked who may read them."""
    place = place_of(table)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(place.all_names)
    for row in table_rows.all_rows(place):
        writer.writerow([_cell(row[name]) for name in place.all_names])
        if buffer.tell() > 65_536:
            yield _drain(buffer)
    yield _drain(buffer)


def place_of(table: DataTable) -> Place:
    """Where the rows of a table are."""
    return Place(table_schema.schema_name(table.workspace_id), table.name, table.typed_columns)


def find_table(workspace: Workspace, name: str) -> DataTable:
    """A table by its name, or by its id. Raises NotFound."""
    tables = DataTable.objects.in_workspace(workspace).select_related("workspace")
    found = tables.filter(name=name).first()
    if found is None:
        found = next((table for table in tables if str(table.pk) == name), None)
    if found is None:
        raise NotFound(_("There is no table “%(name)s” in this workspace.") % {"name": name[:60]})
    return found


@transaction.atomic
def ensure_space(workspace: Workspace) -> TableSpace:
    """The workspace's schema, made when it is asked for first; locked until the transaction ends."""
    found = TableSpace.objects.select_for_update(of=("self",)).filter(workspace=workspace).first()
    if found is not None:
        return found
    schema = table_schema.schema_name(workspace.pk)
    space, fresh = TableSpace.objects.get_or_create(workspace=workspace, defaults={"schema": schema})
    if fresh:
        table_schema.create_schema(schema)
    return space


@transaction.atomic
def ensure_role(workspace: Workspace) -> TableSpace:
    """The same with a login role for SQL statements. Raises Unavailable where roles can't be made."""
    space = ensure_space(workspace)
    # roles belong to the server, not to the database: one that was restored elsewhere comes without them
    if not space.role or not roles.exists(space.role):
        password = secrets.token_urlsafe(32)
        tables = DataTable.objects.in_workspace(workspace).values_list("name", flat=True)
        roles.create_role(space.schema, space.schema, password, tables)
        space.role = space.schema
        space.password = password
        space.save(update_fields=["role", "password", "updated_at"])
        space.refresh_from_db()
    return space


@transaction.atomic
def drop_space(space: TableSpace) -> None:
    """Take schema and role away; called when the workspace is deleted."""
    table_schema.drop_schema(space.schema)
    if space.role:
        roles.drop_role(space.role)


def space_deleted(sender: type[TableSpace], instance: TableSpace, **_signal: Any) -> None:
    """A workspace is being deleted, and its row here with it: the schema goes in the same transaction."""
    drop_space(instance)


def forget_keys() -> int:
    """Delete the keys of old inserts; returns how many."""
    return TableInsert.objects.filter(created_at__lt=timezone.now() - KEYS_KEPT).delete()[0]


def _change_columns(
    space: TableSpace, table: DataTable, columns: list[Column], renamed: Mapping[str, str]
) -> None:
    place = Place(space.schema, table.name, table.typed_columns)
    before = []
    for column in place.columns:
        new = renamed.get(column.name, column.name)
        if new != column.name:
            table_schema.rename_column(place, column.name, check_name(new, "columns"))
        before.append(column.model_copy(update={"name": new}))
    table_schema.alter_columns(place, before, columns)
    table.columns = [_dump(column) for column in columns]


def _rename(space: TableSpace, table: DataTable, name: str) -> None:
    if DataTable.objects.named(table.workspace, name).exists():
        raise _taken(name)
    table_schema.rename_table(Place(space.schema, table.name), name)
    table.name = name


def _taken(name: str) -> Conflict:
    return Conflict(_("There is a table “%(name)s” already.") % {"name": name})


def _dump(column: Column) -> dict[str, Any]:
    return column.model_dump(mode="json")


def _csv_rows(content: bytes, place: Place) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, row) of a file; empty cells are missing values, the system's columns are left out."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_("The file is not UTF-8 text. Save it as “CSV UTF-8”.")) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(reader, [])]
    known = {column.name: column.type for column in place.columns}
    unknown = [name for name in header if name not in known and name not in SYSTEM_COLUMNS]
    if not header or unknown:
        raise Invalid(
            _("The first line must name columns of the table; “%(name)s” is none.")
            % {"name": unknown[0][:60] if unknown else ""}
        )
    try:
        for cells in reader:
            if cells:
                row = dict(zip(header, cells, strict=False))
                yield (
                    reader.line_num,
                    {
                        name: _parsed(known[name], text)
                        for name, text in row.items()
                        if name in known and text != ""
                    },
                )
    except csv.Error as error:
        raise Invalid(
            _("Line %(line)d can't be read: %(problem)s") % {"line": reader.line_num, "problem": error}
        ) from None


def _parsed(kind: str, text: str) -> Any:
    """JSON columns hold JSON text in a file; what is none is kept as a string."""
    if kind != "json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _insert_lines(place: Place, batch: list[dict[str, Any]], last_line: int) -> None:
    try:
        table_rows.insert_rows(place, batch)
    except Invalid as error:
        raise Invalid(
            _("Up to line %(line)d: %(problem)s") % {"line": last_line, "problem": error.detail},
            **error.extra,
        ) from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return dump_json(value)
    return str(value)


def _drain(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
