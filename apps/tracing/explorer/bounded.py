"""A search may cost so much and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from apps.tracing.exceptions import SearchTooSlow

LIST_TIMEOUT_S: Final = 10.0
FACETS_TIMEOUT_S: Final = 3.0


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop the queries of the block after so long; raises SearchTooSlow."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield
            # the caller may be in a transaction of its own that goes on
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SearchTooSlow from error
        raise
