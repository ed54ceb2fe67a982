"""Emptying the database after a test that commits.

Django's way truncates every table and makes content types and permissions anew, which takes longer than most tests.
Here only the tables that hold rows are emptied, and what migrations made stays.
"""

from __future__ import annotations

from django.db import connections
from django.test import TransactionTestCase

# What exists once per installation and no test changes.
KEPT = ("django_migrations", "django_content_type", "auth_permission")

# `replica` leaves out foreign keys and the triggers that make audit entries immutable; rows of partitions go with
# those of the partitioned table.
EMPTY = f"""
DO $$
DECLARE found record; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR found IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relname <> ALL (ARRAY{list(KEPT)!r})
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', found.name) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %s', found.name); END IF;
    END LOOP;
END $$
"""


def install() -> None:
    """Use it for all tests that commit."""
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[method-assign]  # Django offers no hook


def _empty(self: TransactionTestCase) -> None:
    for alias in self._databases_names(include_mirrors=False):
        with connections[alias].cursor() as cursor:
            cursor.execute(EMPTY)
