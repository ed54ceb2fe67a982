"""Parquet (https://parquet.apache.org/docs/file-format/) by Arrow's own writer, which takes one row group at a time."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import pyarrow
from pyarrow import parquet

from apps.tracing.downloads.columns import Column, ColumnKind

#: Rows and (about) bytes of text that are collected before they become a row group.
GROUP_ROWS: Final = 20_000
GROUP_BYTES: Final = 32 * 1024 * 1024

_TYPES: Final = {
    ColumnKind.TEXT: pyarrow.string(),
    ColumnKind.JSON: pyarrow.string(),
    ColumnKind.TIME: pyarrow.timestamp("us", tz="UTC"),
    ColumnKind.INTEGER: pyarrow.int64(),
    ColumnKind.FLOAT: pyarrow.float64(),
    # what the database column holds
    ColumnKind.DECIMAL: pyarrow.decimal128(38, 10),
    ColumnKind.FLAG: pyarrow.bool_(),
    ColumnKind.LIST: pyarrow.list_(pyarrow.string()),
}


class ParquetWriter:
    """Columns keep their types; JSON is a text column."""

    def __init__(self, target: IO[bytes], columns: Sequence[Column]) -> None:
        self._schema = pyarrow.schema([(column.name, _TYPES[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(target, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows; they are written when there are enough of them."""
        self._rows.extend(rows)
        self._bytes += sum(len(value) for row in rows for value in row.values() if isinstance(value, str))
        if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last rows and the table of contents."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        arrays = [
            pyarrow.array([row[field.name] for row in self._rows], type=field.type) for field in self._schema
        ]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._bytes = [], 0
