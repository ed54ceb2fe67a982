"""Data tables, made by the real service."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.db import connection

from apps.core.models import Workspace
from apps.workflows.models import DataTable
from apps.workflows.services.data_table import create_table
from tests.factories.core import SYSTEM

_numbers = count(1)

COLUMNS: list[dict[str, Any]] = [
    {"name": "customer", "type": "text", "required": True},
    {"name": "amount", "type": "number"},
    {"name": "items", "type": "integer", "default": 1},
    {"name": "paid", "type": "boolean", "default": False},
    {"name": "due", "type": "date"},
    {"name": "details", "type": "json"},
]


def make_table(workspace: Workspace, **fields: Any) -> DataTable:
    """A table of orders."""
    fields = {"name": f"orders_{next(_numbers)}", "columns": COLUMNS, **fields}
    return create_table(actor=SYSTEM, workspace=workspace, **fields)


def drop_table_spaces() -> None:
    """Schemas and roles outlive the rows of a test that commits; take them away."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fw\\_ws\\_%%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP SCHEMA "{name}" CASCADE')
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            if cursor.fetchone():
                cursor.execute(f'DROP OWNED BY "{name}"')
                cursor.execute(f'DROP ROLE "{name}"')
