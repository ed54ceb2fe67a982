"""JSON Lines: one object per row. Nothing is lost: JSON is copied as the database holds it, decimals digit by digit."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

import orjson

from apps.tracing.downloads.columns import Column, ColumnKind


class JsonlWriter:
    """Every row has every column; what is unknown is null. Inputs and outputs are the texts that were received."""

    def __init__(self, target: IO[bytes], columns: Sequence[Column]) -> None:
        self._target = target
        self._columns = columns

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        for row in rows:
            values = {column.name: _value(row[column.name], column.kind) for column in self._columns}
            self._target.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Nothing is left to write."""


def _value(value: Any, kind: ColumnKind) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.JSON:
        return orjson.Fragment(value)
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value.normalize(), "f"))
    return value
