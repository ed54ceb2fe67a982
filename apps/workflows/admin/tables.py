"""Data tables in the console: what there is, their rows, their columns. Plain forms; nothing here needs a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError, Invalid
from apps.core.models import User
from apps.workflows.csv_file import csv_response
from apps.workflows.models import DataTable
from apps.workflows.services import data_table as service
from apps.workflows.tables.columns import SQL_TYPES, Column
from apps.workflows.tables.rows import Row, count_rows, select_rows

ROWS_PER_PAGE: Final = 50
#: Empty lines for further columns on the form.
SPARE_COLUMNS: Final = 4
_CELL_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a row, ready for a form: `value` is what the input holds."""

    column: Column
    value: str


class TablesPage(ConsolePage):
    """All tables of the workspace."""

    title = gettext_lazy("Data tables")
    template_name = "workflows/tables/list.html"

    @property
    def person(self) -> User:
        """The signed-in person."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    @property
    def tables(self) -> Any:
        """What the person may see."""
        return (
            DataTable.objects.in_workspace(self.workspace).visible_to(self.person).select_related("workspace")
        )

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The tables by name."""
        return {
            "tables": list(self.tables),
            "can_add": permissions.allows_in(self.person, "add", DataTable, self.workspace),
        }


class TableNewPage(TablesPage):
    """A new table."""

    title = gettext_lazy("New data table")
    template_name = "workflows/tables/columns.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Only for people who may make tables."""
        if not permissions.allows_in(self.person, "add", DataTable, self.workspace):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """An empty form."""
        return _columns_form(None, [], name="", description="")

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Make it."""
        columns, _renamed = _columns_of(request.POST)
        name, description = request.POST.get("name", "").strip(), request.POST.get("description", "")
        try:
            table = service.create_table(
                actor=self.actor,
                workspace=self.workspace,
                name=name,
                description=description,
                columns=columns,
            )
        except FlywheelError as error:
            form = _columns_form(None, columns, name=name, description=description)
            return self.render({**form, "problem": str(error.detail)}, status=error.status)
        return HttpResponseRedirect(_address(table))


class TablePage(TablesPage):
    """The rows of a table."""

    template_name = "workflows/tables/rows.html"
    tab: ClassVar[str] = "rows"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """The table has to exist for the person."""
        self.request = request
        self.table = self._find(kwargs["pk"])

    def _find(self, pk: UUID) -> DataTable:
        found: DataTable | None = self.tables.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def frame(self, **context: Any) -> dict[str, Any]:
        """What every page of a table shows."""
        return {
            "title": self.table.name,
            "table": self.table,
            "tab": self.tab,
            "can_write": permissions.allows(self.person, "write_rows", self.table),
            "can_change": permissions.allows(self.person, "change", self.table),
            **context,
        }

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of rows."""
        place = service.place_of(self.table)
        where = _search(self.table, request.GET)
        paginator = Paginator(range(count_rows(place, where)), ROWS_PER_PAGE)
        page = paginator.get_page(request.GET.get("page"))
        offset = (page.number - 1) * ROWS_PER_PAGE
        newest = [{"column": "id", "direction": "desc"}]
        rows = select_rows(
            place, {"where": where, "order_by": newest, "limit": ROWS_PER_PAGE, "offset": offset}
        )
        query = request.GET.copy()
        query.pop("page", None)
        return self.frame(
            columns=self.table.typed_columns,
            rows=[(row["id"], [_shown(row[c.name]) for c in self.table.typed_columns]) for row in rows],
            page=page,
            query=query.urlencode(),
            search=request.GET.get("q", ""),
            search_column=request.GET.get("column", ""),
        )

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Delete the chosen rows, or take in a file."""
        try:
            if request.POST.get("action") == "delete":
                self._delete(request.POST.getlist("row"))
            elif request.POST.get("action") == "import":
                self._import(request)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        return HttpResponseRedirect(_address(self.table))

    def _delete(self, ids: list[str]) -> None:
        chosen = [int(value) for value in ids if value.isascii() and value.isdigit() and len(value) < 19]
        where = {"column": "id", "op": "in", "value": chosen}
        count = service.delete_rows(actor=self.actor, table=self.table, where=where)
        messages.success(
            self.request,
            ngettext("%(count)d row was deleted.", "%(count)d rows were deleted.", count) % {"count": count},
        )

    def _import(self, request: HttpRequest) -> None:
        permissions.require(self.actor, "write_rows", self.table)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(_("Choose a file first."))
        content = file.read(service.MAX_IMPORT_BYTES + 1)
        count = service.import_csv(actor=self.actor, table=self.table, content=content)
        messages.success(
            request,
            ngettext("%(count)d row was added.", "%(count)d rows were added.", count) % {"count": count},
        )


class TableExportPage(TablePage):
    """The rows as a file."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream it."""
        return csv_response(request, self.table)


class TableRowPage(TablePage):
    """One row: new, or one that is there."""

    template_name = "workflows/tables/row.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The row's values; defaults for a new one."""
        row_id = kwargs.get("row_id")
        if row_id is None:
            row = {column.name: column.default for column in self.table.typed_columns}
        else:
            row = self._row(row_id)
        cells = [Cell(column, _input(column, row[column.name])) for column in self.table.typed_columns]
        return self.frame(cells=cells, row_id=row_id)

    def post(self, request: HttpRequest, pk: UUID, row_id: int | None = None) -> HttpResponseBase:
        """Write it; what does not fit is told beside the form, which keeps what was typed."""
        columns = self.table.typed_columns
        values = {
            column.name: _typed(column, request.POST.get(f"value-{column.name}", "")) for column in columns
        }
        try:
            if row_id is None:
                service.insert_rows(actor=self.actor, table=self.table, rows=[values])
            else:
                self._row(row_id)
                where = {"column": "id", "op": "=", "value": row_id}
                service.update_rows(actor=self.actor, table=self.table, where=where, values=values)
        except FlywheelError as error:
            cells = [Cell(column, request.POST.get(f"value-{column.name}", "")) for column in columns]
            return self.render(
                self.frame(cells=cells, row_id=row_id, problem=str(error.detail)), status=error.status
            )
        return HttpResponseRedirect(_address(self.table))

    def _row(self, row_id: int) -> Row:
        where = {"column": "id", "op": "=", "value": row_id}
        found = select_rows(service.place_of(self.table), {"where": where}) if row_id < 2**63 else []
        if not found:
            raise Http404
        return found[0]


class TableColumnsPage(TablePage):
    """Name, description and columns of a table, and its end."""

    template_name = "workflows/tables/columns.html"
    tab = "columns"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The table as it is."""
        table = self.table
        raw = [column.model_dump() for column in table.typed_columns]
        return self.frame(**_columns_form(table, raw, name=table.name, description=table.description))

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Change it, or drop it."""
        columns, renamed = _columns_of(request.POST)
        name, description = request.POST.get("name", "").strip(), request.POST.get("description", "")
        try:
            if request.POST.get("action") == "delete":
                service.delete_table(actor=self.actor, table=self.table)
                return HttpResponseRedirect(reverse("admin:workflows_tables"))
            service.update_table(
                actor=self.actor,
                table=self.table,
                name=name,
                description=description,
                columns=columns,
                renamed=renamed,
            )
        except FlywheelError as error:
            form = _columns_form(self.table, columns, name=name, description=description)
            return self.render(self.frame(**form, problem=str(error.detail)), status=error.status)
        messages.success(request, _("The table was changed."))
        return HttpResponseRedirect(reverse("admin:workflows_table_columns", args=[pk]))


def _address(table: DataTable) -> str:
    return reverse("admin:workflows_table", args=[table.pk])


def _search(table: DataTable, query: Mapping[str, Any]) -> dict[str, Any] | None:
    text, column = str(query.get("q", "")).strip()[:200], query.get("column", "")
    known = [each.name for each in table.typed_columns]
    if not text:
        return None
    names = [column] if column in known else known
    return {"any": [{"column": name, "op": "contains", "value": text} for name in names]}


def _shown(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CELL_CHARS else f"{text[: _CELL_CHARS - 1]}…"


def _input(column: Column, value: Any) -> str:
    """A value as the form's input holds it."""
    if value is None:
        return ""
    if column.type == "json":
        return json.dumps(value, ensure_ascii=False, indent=2)
    if column.type == "boolean":
        return "true" if value else "false"
    return str(value)


def _typed(column: Column, text: str) -> Any:
    """What was typed as a value; empty is no value."""
    if text == "":
        return None
    if column.type == "json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _columns_form(
    table: DataTable | None, columns: list[dict[str, Any]], *, name: str, description: str
) -> dict[str, Any]:
    known = {column.name for column in table.typed_columns} if table else set()
    lines = [
        {**column, "old": column.get("old") or (column["name"] if column["name"] in known else "")}
        for column in columns
    ]
    blank = {
        "name": "",
        "type": "text",
        "old": "",
        "description": "",
        "required": False,
        "unique": False,
        "default": None,
    }
    return {
        "table_name": name,
        "description": description,
        "lines": list(enumerate([*lines, *[blank] * (SPARE_COLUMNS if lines else SPARE_COLUMNS + 2)])),
        "types": list(SQL_TYPES),
        "is_new": table is None,
    }


def _columns_of(posted: QueryDict) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(columns, old names to new ones) of the form; lines without a name, and those marked to go, are left out."""
    columns: list[dict[str, Any]] = []
    renamed: dict[str, str] = {}
    for index in range(200):
        prefix = f"column-{index}-"
        name = posted.get(f"{prefix}name", "").strip()
        if not name or posted.get(f"{prefix}drop"):
            continue
        old = posted.get(f"{prefix}old", "")
        if old and old != name:
            renamed[old] = name
        columns.append(
            {
                "name": name,
                "type": posted.get(f"{prefix}type", "text"),
                "description": posted.get(f"{prefix}description", ""),
                "required": bool(posted.get(f"{prefix}required")),
                "unique": bool(posted.get(f"{prefix}unique")),
                "default": posted.get(f"{prefix}default") or None,
            }
        )
    return columns, renamed
