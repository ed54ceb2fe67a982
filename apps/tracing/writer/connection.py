"""A psycopg connection of the writer's own: spans are stored outside the caller's transaction."""

from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

#: Options of Django's that psycopg.connect does not know or that don't fit a long-lived writer.
_DJANGO_ONLY = ("context", "cursor_factory", "pool", "server_side_binding", "assume_role")


def connect() -> psycopg.Connection[Any]:
    """Connect to the default database, autocommit on; raises psycopg.OperationalError when it is away."""
    settings = connections[DEFAULT_DB_ALIAS].get_connection_params()
    params = {name: value for name, value in settings.items() if name not in _DJANGO_ONLY}
    params.update(autocommit=True, connect_timeout=5, application_name="flywheel-spans", prepare_threshold=2)
    connection: psycopg.Connection[Any] = psycopg.connect(**params)
    return connection
