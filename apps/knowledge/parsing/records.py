"""Rows of tables as records: one "header: value" line for each cell with content."""

from collections.abc import Sequence


def record(header: Sequence[str], row: Sequence[str]) -> str:
    """A row's cells, each under its column's header; columns without one go by their number."""
    lines = []
    for column, value in enumerate(map(cell, row)):
        if value:
            name = header[column] if column < len(header) and header[column] else f"#{column + 1}"
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def cell(value: str) -> str:
    """A cell's text in one line."""
    return " ".join(value.split())
