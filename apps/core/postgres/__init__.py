"""The embedded PostgreSQL: a server from a wheel, managed by this package alone.

Plain Python without Django, because it must run before the settings can be read.
"""

from .exceptions import PostgresError
from .server import EmbeddedPostgres
from .settings import PRODUCTION, TEST

__all__ = ["PRODUCTION", "TEST", "EmbeddedPostgres", "PostgresError"]
