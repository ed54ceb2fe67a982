"""CSV for spreadsheets: RFC 4180 in UTF-8, with texts that a spreadsheet would take for formulas made harmless."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Final

import orjson

from apps.tracing.downloads.columns import Column, ColumnKind

#: A cell that begins with one of these may be run as a formula (https://owasp.org/www-community/attacks/CSV_Injection);
#: the wide forms are what East Asian spreadsheets read as the same signs.
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Spreadsheets take a file without it for one in an old encoding.
_MARK: Final = b"\xef\xbb\xbf"
_FORCED_TEXT: Final = "'"


class CsvWriter:
    """Lists and JSON become JSON text; times are ISO 8601 in UTC."""

    def __init__(self, target: IO[bytes], columns: Sequence[Column]) -> None:
        self._columns = columns
        self._target = target
        target.write(_MARK)
        self._rows([[column.name for column in columns]])

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        self._rows([[_cell(row[column.name], column.kind) for column in self._columns] for row in rows])

    def close(self) -> None:
        """Nothing is left to write."""

    def _rows(self, cells: Sequence[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(cells)
        self._target.write(text.getvalue().encode("utf-8", "replace"))


def _cell(value: Any, kind: ColumnKind) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if kind is ColumnKind.LIST:
        return harmless(orjson.dumps(list(value)).decode()) if value else ""
    if isinstance(value, int | float):
        return repr(value)
    return harmless(str(value))


def harmless(text: str) -> str:
    """The text, with a quote sign before it where a spreadsheet would compute."""
    return _FORCED_TEXT + text if text.startswith(_RISKY) else text
