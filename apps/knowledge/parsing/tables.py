"""Tables on their way to Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells and where they are on their page, in points from the top."""

    rows: Sequence[Sequence[str]]
    top: float = 0.0
    bottom: float = 0.0


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first row is the header. Pipes are escaped, line breaks inside cells become
    spaces."""
    width = max((len(row) for row in rows), default=0)
    if width == 0:
        return ""
    lines = [_line([*row, *[""] * (width - len(row))]) for row in rows if any(cell.strip() for cell in row)]
    if not lines:
        return ""
    return "\n".join([lines[0], _line(["---"] * width), *lines[1:]])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
