"""Files that people download: rows of a list as CSV, JSON Lines or Parquet, written in steps of bounded size.

Not to be mixed up with `apps.tracing.export`, which stores our own spans, and `apps.tracing.forwarding`, which sends
spans on to other back ends.
"""

from apps.tracing.downloads.columns import Column, ColumnKind, columns_of, pick_columns
from apps.tracing.downloads.rows import read_rows
from apps.tracing.downloads.writers import CONTENT_TYPES, Writer, writer_for

__all__ = [
    "CONTENT_TYPES",
    "Column",
    "ColumnKind",
    "Writer",
    "columns_of",
    "pick_columns",
    "read_rows",
    "writer_for",
]
