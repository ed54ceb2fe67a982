"""The blocks of a text: headings, paragraphs, tables, code fences, records. Offsets are into the whole
document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from apps.knowledge.parsing.document import ParsedDocument, Section, SectionKind

SEPARATOR = "\n\n"

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{1,}:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


class BlockKind(StrEnum):
    """What a block is, which decides how it may be cut."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    TABLE = "table"
    CODE = "code"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Block:
    """Text between two offsets, with the page and the headings it stands under (a heading stands under
    itself)."""

    kind: BlockKind
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def blocks_of(document: ParsedDocument) -> Iterator[Block]:
    """All blocks in order. Together they cover every character that is not white space."""
    offset = 0
    path: tuple[str, ...] = ()
    for section in document.sections:
        path = section.headings or (path if section.kind is SectionKind.MARKDOWN else ())
        for block in _section_blocks(section, offset, path):
            path = block.headings
            yield block
        offset += len(section.text) + len(SEPARATOR)


def _section_blocks(section: Section, offset: int, path: tuple[str, ...]) -> Iterator[Block]:
    lines = _lines(section.text, offset)
    markup = section.kind is SectionKind.MARKDOWN
    position = 0
    while position < len(lines):
        line = lines[position]
        if not line.text.strip():
            position += 1
            continue
        heading = _HEADING.match(line.text) if markup else None
        if heading:
            level = len(heading.group(1))
            # The path keeps outline titles of the section above the levels written in the text.
            path = (*path[: level - 1], heading.group(2)[:200])
            yield Block(BlockKind.HEADING, line.start, line.end, section.page, path, level)
            position += 1
            continue
        kind, after = _extent(lines, position, section.kind)
        yield Block(kind, line.start, lines[after - 1].end, section.page, path)
        position = after


def _lines(text: str, offset: int) -> list[_Line]:
    lines = []
    for text_line in text.split("\n"):
        lines.append(_Line(offset, text_line))
        offset += len(text_line) + 1
    return lines


def _extent(lines: list[_Line], start: int, kind: SectionKind) -> tuple[BlockKind, int]:
    """Kind of the block that starts at a line, and the number of the line after it."""
    if kind is SectionKind.RECORDS:
        return BlockKind.RECORD, _until_blank(lines, start)
    if kind is SectionKind.MARKDOWN:
        if fence := _FENCE.match(lines[start].text):
            return BlockKind.CODE, _until_fence(lines, start, fence.group(1))
        if _starts_table(lines, start):
            return BlockKind.TABLE, _until_table_ends(lines, start)
        return BlockKind.PARAGRAPH, _until_markup(lines, start)
    return BlockKind.PARAGRAPH, _until_blank(lines, start)


def _until_blank(lines: list[_Line], position: int) -> int:
    while position < len(lines) and lines[position].text.strip():
        position += 1
    return position


def _until_fence(lines: list[_Line], position: int, mark: str) -> int:
    for number in range(position + 1, len(lines)):
        if lines[number].text.strip().startswith(mark) and not lines[number].text.strip().strip(mark[0]):
            return number + 1
    # An open fence is a typing mistake more often than a page of code: only its paragraph is taken.
    return _until_blank(lines, position)


def _starts_table(lines: list[_Line], position: int) -> bool:
    return (
        "|" in lines[position].text
        and position + 1 < len(lines)
        and "|" in lines[position + 1].text
        and _TABLE_RULE.match(lines[position + 1].text) is not None
    )


def _until_table_ends(lines: list[_Line], position: int) -> int:
    while position < len(lines) and "|" in lines[position].text:
        position += 1
    return position


def _until_markup(lines: list[_Line], position: int) -> int:
    position += 1
    while position < len(lines) and lines[position].text.strip():
        text = lines[position].text
        if _HEADING.match(text) or _FENCE.match(text) or _starts_table(lines, position):
            break
        position += 1
    return position
