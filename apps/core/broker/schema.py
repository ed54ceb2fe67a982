"""The tables and functions that the pgmq transport works on."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import atomic
from pgmq.install import get_embedded_install_sql

LOCK_KEY = 0x706D_6771  # "pgmq"


def ensure_schema(connection: BaseDatabaseWrapper) -> bool:
    """Install the schema `pgmq` unless it is there; return whether it had to be.

    It is plain SQL and needs no extension of the server. The package's own installer fails when it is
    called twice, and when two processes call it at once.
    """
    with atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK_KEY])
        cursor.execute("select to_regclass('pgmq.meta') is not null")
        (installed,) = cursor.fetchone()
        if not installed:
            cursor.execute(get_embedded_install_sql())
    return not installed
