"""The default Celery broker: queues in PostgreSQL, spoken to by Kombu's own pgmq transport."""

from .schema import ensure_schema

__all__ = ["ensure_schema"]
