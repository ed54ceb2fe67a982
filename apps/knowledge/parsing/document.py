"""What a parser returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

#: Called with (done, total) units of work; the total may be an estimate. May raise to stop the parser.
Progress = Callable[[int, int], None]


class SectionKind(StrEnum):
    """How the text of a section is to be read."""

    MARKDOWN = "markdown"
    PLAIN = "plain"  #: no markup: a leading # is just a character
    RECORDS = "records"  #: records ("header: value" lines) separated by blank lines


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of text; PDF files have one per page, most others a single one.

    ``page`` counts from 1; ``headings`` is the path of titles (outermost first) in force where the section
    starts.
    """

    text: str
    kind: SectionKind = SectionKind.MARKDOWN
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The text of a file with what is known about it. ``warnings`` are sentences for the person who uploaded
    it."""

    sections: tuple[Section, ...]
    title: str = ""
    page_count: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All sections, separated by blank lines."""
        return "\n\n".join(section.text for section in self.sections)
