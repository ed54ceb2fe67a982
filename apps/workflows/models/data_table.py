"""Data tables: real PostgreSQL tables that workflows of a workspace read and write."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import Workspace, WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet
from apps.core.secrets import EncryptedTextField
from apps.workflows.tables.columns import Column, parse_columns


class DataTableQuerySet(WorkspaceQuerySet["DataTable"]):
    """Data tables."""

    def named(self, workspace: Workspace, name: str) -> DataTableQuerySet:
        """The table of this name in a workspace."""
        return self.in_workspace(workspace).filter(name=name)


class DataTable(WorkspaceModel):
    """A table of the workspace's own schema. `columns` says what people defined; the rows are in PostgreSQL.

    Beside the columns each table has `id`, `created_at` and `updated_at`. Viewers read rows, editors write them.
    """

    access = Access(extra={"write_rows": Role.EDITOR})

    name = models.CharField(
        _("name"),
        max_length=48,
        help_text=_("Small letters, digits and underscores: the name in SQL and in workflows."),
    )
    description = models.TextField(_("description"), blank=True)
    columns = JSONField(_("columns"), default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )

    objects = DataTableQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("data table")
        verbose_name_plural = _("data tables")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="workflows_data_table_once")
        ]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="workflows_data_table_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def typed_columns(self) -> list[Column]:
        """The columns, typed."""
        return parse_columns(self.columns)


class TableSpaceQuerySet(WorkspaceQuerySet["TableSpace"]):
    """Schemas of workspaces."""


class TableSpace(WorkspaceModel):
    """The schema that holds a workspace's tables, and the login role that SQL nodes run under.

    `role` is empty until the first SQL statement asks for it.
    """

    access = Access(view=Role.ADMIN, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    schema = models.CharField(max_length=63, unique=True, editable=False)
    role = models.CharField(max_length=63, blank=True, editable=False)
    password = EncryptedTextField(null=True, blank=True, editable=False)

    objects = TableSpaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("table space")
        verbose_name_plural = _("table spaces")
        constraints = [models.UniqueConstraint(fields=["workspace"], name="workflows_table_space_once")]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="workflows_table_space_newest")]

    def __str__(self) -> str:
        return self.schema


class TableInsert(models.Model):
    """An insert that was done: the same key again returns the rows it made instead of making others."""

    table = models.ForeignKey(DataTable, models.CASCADE, related_name="+")
    key = models.CharField(max_length=120)
    row_ids = JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "key"], name="workflows_table_insert_once")]
        indexes = [models.Index(fields=["created_at"], name="workflows_table_insert_age")]

    def __str__(self) -> str:
        return self.key
