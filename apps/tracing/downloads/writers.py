"""The formats: each takes rows step by step and writes them on."""

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final, Protocol

from apps.tracing.downloads.columns import Column
from apps.tracing.downloads.csv_file import CsvWriter
from apps.tracing.downloads.jsonl_file import JsonlWriter
from apps.tracing.models import ExportFormat

Row = Mapping[str, Any]


class Writer(Protocol):
    """Writes a file; `close` ends it, and a file that was not closed is worth nothing."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows: values by column name."""
        ...

    def close(self) -> None:
        """Write what is left. The file under it stays open."""
        ...


def _parquet(target: IO[bytes], columns: Sequence[Column]) -> Writer:
    # only a worker that is asked for such a file pays for loading Arrow
    from apps.tracing.downloads.parquet_file import ParquetWriter

    return ParquetWriter(target, columns)


_WRITERS: Final[Mapping[str, Callable[[IO[bytes], Sequence[Column]], Writer]]] = {
    ExportFormat.CSV: CsvWriter,
    ExportFormat.JSONL: JsonlWriter,
    ExportFormat.PARQUET: _parquet,
}
CONTENT_TYPES: Final[Mapping[str, str]] = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


def writer_for(file_format: str, target: IO[bytes], columns: Sequence[Column]) -> Writer:
    """A writer of this format onto a binary file."""
    return _WRITERS[file_format](target, columns)
