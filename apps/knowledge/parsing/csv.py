"""Tables as text files: every row becomes a record of "header: value" lines."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath

from apps.knowledge.parsing.document import ParsedDocument, Progress, Section, SectionKind
from apps.knowledge.parsing.encoding import decode
from apps.knowledge.parsing.errors import OversizedDocument
from apps.knowledge.parsing.records import cell, record

MAX_ROWS = 500_000
_PROGRESS_EVERY = 5_000
_SAMPLE_CHARACTERS = 32_768
_DELIMITERS = ",;\t|"


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Guess the dialect, take the first row with content as the header, write each row as a record."""
    text = decode(data, PurePath(name).suffix.lower()).replace("\x00", "")
    # old Macs end lines with a lone carriage return, which the csv module refuses outside quotes
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows = _rows(text, PurePath(name).suffix.lower())
    header = [cell(value) for value in next(rows, [])]
    records: list[str] = []
    total = text.count("\n") + 1
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise OversizedDocument(limit=f"{MAX_ROWS:,} rows")
        if found := record(header, row):
            records.append(found)
        if number % _PROGRESS_EVERY == 0:
            progress(min(number, total), total)
    # A file of one row has no header: the row itself is the content.
    body = "\n\n".join(records) if records else " | ".join(filter(None, header))
    progress(total, total)
    metadata = {"rows": str(len(records)), "columns": ", ".join(header)[:500]}
    return ParsedDocument((Section(body, SectionKind.RECORDS),), PurePath(name).stem, metadata=metadata)


def _rows(text: str, extension: str) -> Iterator[list[str]]:
    # Fields may be as long as the file; the module's default limit of 128 KB would refuse a long cell.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, extension))
    return (row for row in reader if any(value.strip() for value in row))


def _delimiter(text: str, extension: str) -> str:
    """The delimiter that cuts the first lines into the same, largest number of columns."""
    if extension == ".tsv":
        return "\t"
    sample = text[:_SAMPLE_CHARACTERS]

    def consistency(delimiter: str) -> tuple[float, int]:
        rows = [row for row in islice(csv.reader(io.StringIO(sample), delimiter=delimiter), 30) if row]
        width = max((len(row) for row in rows), default=1)
        same = sum(len(row) == width for row in rows) / max(len(rows), 1)
        return (same if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=consistency)
