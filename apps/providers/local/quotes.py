"""What of a passage can be quoted: sentences, list items, table rows and code, each readable on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.providers.local.words import CJK

MAX_ITEMS = 8
MAX_CHARS = 420

_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(
    r"^\s*(?:[-*+]\s+|[•·]\s*|\d{1,3}[.)]\s+|(?:\d{1,3}|[一二三四五六七八九十]+)、|[（(]\d{1,2}[)）]\s*)(\S.*)$"
)
_RULE = re.compile(r"^\s*([-*_=]\s*){3,}$")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|<!--.*?-->")
_SPACE_IN_CJK = re.compile(rf"(?<=[{CJK}，。；：、]) (?=[{CJK}])")
_END = re.compile(r"([.!?…]+[\"'”’)\]]*\s+(?=[\"'“‘(\[`*]*[A-Z0-9`])|[。！？；…]+[”’』」）)]*)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|fig|no|vol|pp|dr|mr|mrs|ms|prof|st|inc|ltd|co|jr|sr|al|u\.s|u\.k)|\b[A-Z])\.\s*$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Quote:
    """A quotable piece: `text` is shown; `heading` is what it stood under, and only helps to find it."""

    text: str
    heading: str = ""
    items: list[str] = field(default_factory=list)
    code: str = ""
    apart: bool = False  # an item or a table row: does not read on from what stands before it

    @property
    def searchable(self) -> str:
        """All words that speak for this piece."""
        return " ".join([self.text, *self.items, self.code])


def clean(line: str) -> str:
    """Without images, link targets and HTML; emphasis and `code` stay, the reader's page renders them."""
    line = _TAG.sub("", _LINK.sub(r"\1", _IMAGE.sub("", line)))
    return re.sub(r"\s+", " ", line).strip()


def sentences(text: str) -> list[str]:
    """Splits running text, Chinese or English; abbreviations and decimals do not end a sentence."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        candidate = text[start : match.end()]
        if candidate.rstrip().endswith(".") and _ABBREVIATION.search(candidate):
            continue
        found.append(candidate.strip())
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


class _Reader:
    """Walks over the lines of a passage and groups them."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []
        self.paragraph: list[str] = []
        self.heading = ""
        self.table_head: list[str] = []
        self.code: list[str] | None = None
        self.in_item = False

    def line(self, raw: str) -> None:
        if _FENCE.match(raw):
            self._fence()
        elif self.code is not None:
            self.code.append(raw)
        elif not raw.strip() or _RULE.match(raw):
            self._end_paragraph()
            self.table_head = []
        elif heading := _HEADING.match(raw):
            self._end_paragraph()
            self.heading = clean(heading[1])
        elif "|" in raw and raw.strip().startswith("|"):
            self._end_paragraph()
            self._row(raw)
        elif item := _ITEM.match(raw):
            self._end_paragraph()
            self.in_item = True
            self.paragraph.append(clean(item[1]))
        else:
            self.paragraph.append(clean(raw.lstrip("> ")))

    def end(self) -> list[Quote]:
        if self.code is not None:
            self._fence()
        self._end_paragraph()
        return self.quotes

    def _end_paragraph(self) -> None:
        text = _SPACE_IN_CJK.sub("", " ".join(filter(None, self.paragraph)))
        self.paragraph = []
        if self.in_item:
            self.in_item = False
            self._item(text)
        else:
            self.quotes += [Quote(sentence, self.heading) for sentence in sentences(text)]

    def _fence(self) -> None:
        if self.code is None:
            self._end_paragraph()
            self.code = []
            return
        code = "\n".join(self.code).strip("\n")
        self.code = None
        if self.quotes and self.quotes[-1].heading == self.heading and not self.quotes[-1].code:
            self.quotes[-1].code = code
        elif code and self.heading:
            self.quotes.append(Quote(self.heading, self.heading, code=code))

    def _item(self, text: str) -> None:
        """Items join the sentence that introduces them (it ends with a colon), else each stands alone."""
        last = self.quotes[-1] if self.quotes else None
        if last and last.heading == self.heading and last.text.endswith((":", "：")):
            if len(last.items) < MAX_ITEMS:
                last.items.append(text)
        else:
            self.quotes.append(Quote(text, self.heading, apart=True))

    def _row(self, raw: str) -> None:
        if _TABLE_RULE.match(raw):
            return
        cells = [clean(cell) for cell in raw.strip().strip("|").split("|")]
        if not self.table_head:
            self.table_head = cells
            return
        subject, *rest = cells
        named = zip(self.table_head[1:], rest, strict=False)
        # A table of two columns reads as "subject: text"; wider ones need the names of their columns.
        said = rest if len(cells) == 2 else [f"{head} {cell}" for head, cell in named if cell]
        text = f"{subject}: {'; '.join(said)}" if said else subject
        self.quotes.append(Quote(text, f"{self.heading} {' '.join(self.table_head)}", apart=True))


def quotes_in(text: str) -> Iterator[Quote]:
    """The quotable pieces of a passage in their order; fragments and walls of text are left out."""
    reader = _Reader()
    for line in text.splitlines():
        reader.line(line)
    for quote in reader.end():
        letters = re.sub(rf"[^\w{CJK}]", "", quote.text)
        if len(letters) < (3 if re.search(f"[{CJK}]", letters) else 8) and not (quote.items or quote.code):
            continue
        if len(quote.text) > MAX_CHARS:
            quote.text = quote.text[:MAX_CHARS].rsplit(" ", 1)[0].rstrip("，,;； ") + " …"
        yield quote
