"""The one path by which spans reach the database, whatever door they came through."""

from apps.tracing.writer.writer import SpanWriter, WriteResult

__all__ = ["SpanWriter", "WriteResult"]
