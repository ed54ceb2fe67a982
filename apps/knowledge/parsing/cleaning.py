"""The second stage of ingestion: text that the database takes and that carries no noise."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from apps.knowledge.parsing.document import ParsedDocument, Section, SectionKind

#: Control characters except tab and line feed, zero-width characters, byte order marks; PostgreSQL refuses
#: NUL.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_TRAILING = re.compile(r"[ \t\u00a0\u3000]+(?=\n|\Z)")
_BLANK_LINES = re.compile(r"\n{3,}")
_DIGITS = re.compile(r"\d+")

#: Lines at a page's edge that come back on this share of pages are headers and footers.
_REPEATED_SHARE = 0.6
_EDGE_LINES = 2
_MIN_PAGES = 4


def clean(document: ParsedDocument) -> ParsedDocument:
    """The document with tidy text: no control characters, no running headers, no empty sections."""
    sections = [replace(section, text=tidy(section.text)) for section in document.sections]
    sections = _without_running_lines(sections)
    kept = tuple(section for section in sections if section.text.strip())
    metadata = {key: tidy(value) for key, value in document.metadata.items()}
    return replace(
        document, sections=kept, title=" ".join(tidy(document.title).split())[:300], metadata=metadata
    )


def tidy(text: str) -> str:
    """One string without characters that databases and models choke on; line ends become ``\\n``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = _SURROGATES.sub("", _INVISIBLE.sub("", text))
    text = unicodedata.normalize("NFC", text)
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")


def _without_running_lines(sections: Sequence[Section]) -> list[Section]:
    """Drop page headers, footers and page numbers: edge lines that are the same, but for digits, on most
    pages."""
    pages = [section for section in sections if section.page is not None and section.text.strip()]
    if len(pages) < _MIN_PAGES:
        return list(sections)
    counts = Counter(key for page in pages for key in {_running_key(line) for line in _edges(page.text)})
    running = {key for key, count in counts.items() if count >= max(_MIN_PAGES, _REPEATED_SHARE * len(pages))}
    return [_strip_edges(section, running) if section.page is not None else section for section in sections]


def _edges(text: str) -> list[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    return lines[:_EDGE_LINES] + lines[-_EDGE_LINES:]


def _running_key(line: str) -> str:
    return _DIGITS.sub("#", " ".join(line.split()))


def _strip_edges(section: Section, running: set[str]) -> Section:
    lines = section.text.split("\n")
    for _ in range(_EDGE_LINES):
        while lines and not lines[0].strip():
            lines.pop(0)
        if lines and _running_key(lines[0]) in running:
            lines.pop(0)
        while lines and not lines[-1].strip():
            lines.pop()
        if lines and _running_key(lines[-1]) in running:
            lines.pop()
    return replace(section, text="\n".join(lines))


def is_markup(section: Section) -> bool:
    """Whether headings, fences and tables in the text mean something."""
    return section.kind is SectionKind.MARKDOWN
