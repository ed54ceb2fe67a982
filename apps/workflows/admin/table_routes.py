"""Where the pages of data tables are mounted below the console."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.admin import navigation
from apps.core.admin.pages import register
from apps.workflows.admin import tables


def register_pages() -> None:
    """Called once from `apps.py`."""
    register("tables/", tables.TablesPage, "workflows_tables")
    register("tables/new/", tables.TableNewPage, "workflows_table_new")
    register("tables/<uuid:pk>/", tables.TablePage, "workflows_table")
    register("tables/<uuid:pk>/columns/", tables.TableColumnsPage, "workflows_table_columns")
    register("tables/<uuid:pk>/export/", tables.TableExportPage, "workflows_table_export")
    register("tables/<uuid:pk>/rows/new/", tables.TableRowPage, "workflows_table_row_new")
    register("tables/<uuid:pk>/rows/<int:row_id>/", tables.TableRowPage, "workflows_table_row")
    navigation.register(
        "build", _("Data tables"), "table", "admin:workflows_tables", 25, model="workflows.DataTable"
    )
