"""Excel workbooks (.xlsx): every sheet's rows become records of "header: value" lines, as those of a CSV file do."""

import datetime
import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import openpyxl

from apps.knowledge.parsing.archive import check_archive, is_xml
from apps.knowledge.parsing.csv import MAX_ROWS
from apps.knowledge.parsing.document import ParsedDocument, Progress, Section, SectionKind
from apps.knowledge.parsing.errors import BrokenDocument, OversizedDocument
from apps.knowledge.parsing.records import cell, record

#: Columns of one row; formatting alone makes some sheets 16,384 columns wide.
MAX_COLUMNS = 1_000
_PROGRESS_EVERY = 5_000


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Read the values that the workbook was saved with (formulas are not computed), sheet by sheet."""
    check_archive(data, "Excel", is_xml)
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:  # damaged XML surfaces as KeyError, ValueError, expat and zip errors alike
        raise BrokenDocument(format="Excel") from error
    try:
        return _read(workbook, name, progress)
    finally:
        workbook.close()


def _read(workbook: Any, name: str, progress: Progress) -> ParsedDocument:
    sections, count = [], 0
    sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    for number, sheet in enumerate(sheets):
        records = []
        for text in _records(sheet):
            count += 1
            if count > MAX_ROWS:
                raise OversizedDocument(limit=f"{MAX_ROWS:,} rows")
            records.append(text)
            if count % _PROGRESS_EVERY == 0:
                progress(number, len(sheets))
        if records:
            sections.append(Section("\n\n".join(records), SectionKind.RECORDS, headings=(sheet.title,)))
        progress(number + 1, len(sheets))
    title = str(workbook.properties.title or "").strip() or PurePath(name).stem
    metadata = {"rows": str(count), "sheets": ", ".join(sheet.title for sheet in sheets)[:500]}
    return ParsedDocument(tuple(sections), title, metadata=metadata)


def _records(sheet: Any) -> Iterator[str]:
    rows = _rows(sheet)
    header = next(rows, [])
    first = ""
    for row in rows:
        first = first or record(header, row)
        if text := record(header, row):
            yield text
    if not first and any(header):
        # a sheet of one row has no header: the row itself is the content
        yield " | ".join(filter(None, header))


def _rows(sheet: Any) -> Iterator[list[str]]:
    """Rows with content, as text."""
    # the size that a file claims is often wrong, and then the reader would make rows up
    sheet.reset_dimensions()
    try:
        for row in sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS):
            cells = [_text(value) for value in row]
            if any(cells):
                yield cells
    except Exception as error:  # rows are read as they are asked for: damage shows only now
        raise BrokenDocument(format="Excel") from error


def _text(value: Any) -> str:
    """A cell as people write it: whole numbers without a fraction, midnight as a bare date."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return (
            value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")
        )
    return cell(str(value))
