"""PDF files: PDFium for text (fast, right reading order), pdfplumber only for pages with ruled tables."""

import io
import logging
import threading
from collections.abc import Iterator
from pathlib import PurePath

import pdfplumber
import pypdfium2
from pypdfium2 import raw

from apps.knowledge.parsing.document import ParsedDocument, Progress, Section
from apps.knowledge.parsing.errors import BrokenDocument, EncryptedDocument, NoTextLayer, OversizedDocument
from apps.knowledge.parsing.paragraphs import unwrap
from apps.knowledge.parsing.tables import Table, to_markdown

MAX_PAGES = 5_000

#: Ruled tables draw at least this many lines; charts and maps draw thousands and are left alone.
_MIN_RULES, _MAX_RULES = 4, 1_500

#: pdfplumber reads about 11 pages a second, so a book of tables is read in part with structure.
MAX_TABLE_PAGES = 300

#: What programs write when a document was never given a title.
_NO_TITLES = {"(anonymous)", "untitled", "unknown", "none"}

# pdfminer warns about every odd font of every file; what matters to people is in the result.
logging.getLogger("pdfminer").setLevel(logging.ERROR)

#: PDFium is not thread-safe, not even across documents.
_lock = threading.Lock()


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """One section per page with text; raises when the file has a password, is damaged or holds only
    pictures."""
    pdf = _open(data)
    try:
        return _read(pdf, data, name, progress)
    except pypdfium2.PdfiumError as error:
        raise BrokenDocument(format="PDF") from error
    finally:
        with _lock:
            pdf.close()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        with _lock:
            pdf = pypdfium2.PdfDocument(data)
            count = len(pdf)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise EncryptedDocument from error
        raise BrokenDocument(format="PDF") from error
    if count == 0:
        raise BrokenDocument(format="PDF")
    if count > MAX_PAGES:
        raise OversizedDocument(limit=f"{MAX_PAGES:,} pages")
    return pdf


def _read(pdf: pypdfium2.PdfDocument, data: bytes, name: str, progress: Progress) -> ParsedDocument:
    with _lock:
        count, metadata, outline = len(pdf), pdf.get_metadata_dict(skip_empty=True), _outline(pdf)
    sections: list[Section] = []
    bare_pages = []
    with _TableReader(data) as tables:
        for index in range(count):
            text = _page_text(pdf, index, tables)
            if text.strip():
                sections.append(Section(text, page=index + 1, headings=outline.get(index, ())))
            else:
                bare_pages.append(index + 1)
            progress(index + 1, count)
    if not sections:
        raise NoTextLayer
    title = str(metadata.get("Title", "")).strip()
    title = PurePath(name).stem if not title or title.lower() in _NO_TITLES else title
    author = {"author": str(metadata["Author"])} if metadata.get("Author") else {}
    return ParsedDocument(tuple(sections), title, count, author, _bare_page_warnings(bare_pages, count))


def _bare_page_warnings(pages: list[int], count: int) -> tuple[str, ...]:
    if not pages:
        return ()
    shown = ", ".join(map(str, pages[:20])) + ("…" if len(pages) > 20 else "")
    return (f"{len(pages)} of {count} pages have no text (pictures or blank): {shown}.",)


def _page_text(pdf: pypdfium2.PdfDocument, index: int, tables: "_TableReader") -> str:
    with _lock:
        page = pdf[index]
        try:
            width, height = page.get_size()
            text = page.get_textpage()
            found = tables.find(index) if _is_ruled(page) else []
            if not found:
                return unwrap(text.get_text_bounded() if _has_text(text) else "")
            parts = list(_bands(text, found, width, height))
        finally:
            page.close()
    return "\n\n".join(part for part in parts if part.strip())


def _has_text(text: pypdfium2.PdfTextPage) -> bool:
    return bool(text.count_chars() > 0)


def _is_ruled(page: pypdfium2.PdfPage) -> bool:
    if page.get_rotation():
        return False
    count = 0
    for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_PATH,), max_depth=3):
        count += 1
        if count > _MAX_RULES:
            return False
    return count >= _MIN_RULES


def _bands(text: pypdfium2.PdfTextPage, tables: list[Table], width: float, height: float) -> Iterator[str]:
    """Text above, between and below the tables, with the tables in their places (top to bottom)."""
    top = 0.0
    for table in tables:
        if table.top > top:
            yield unwrap(text.get_text_bounded(0, height - table.top, width, height - top))
        yield to_markdown(table.rows)
        top = max(top, table.bottom)
    if top < height:
        yield unwrap(text.get_text_bounded(0, 0, width, height - top))


def _outline(pdf: pypdfium2.PdfDocument) -> dict[int, tuple[str, ...]]:
    """Title path in force at the start of each page, from the bookmarks; empty when there are none or they
    are broken."""
    marks: list[tuple[int, int, str]] = []
    try:
        for bookmark in pdf.get_toc(max_depth=6):
            destination = bookmark.get_dest()
            page = destination.get_index() if destination else None
            if page is not None and (title := " ".join(bookmark.get_title().split())):
                marks.append((page, bookmark.level, title[:200]))
            if len(marks) >= 10_000:
                break
    except (pypdfium2.PdfiumError, ValueError, UnicodeError):
        return {}
    paths: dict[int, tuple[str, ...]] = {}
    path: list[str] = []
    position = 0
    for index in range(len(pdf)):
        while position < len(marks) and marks[position][0] <= index:
            _, level, title = marks[position]
            path = [*path[:level], title]
            position += 1
        if path:
            paths[index] = tuple(path)
    return paths


class _TableReader:
    """pdfplumber over the same file, opened at the first page that needs it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pdf: pdfplumber.pdf.PDF | None = None
        self._pages_read = 0

    def __enter__(self) -> "_TableReader":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pdf is not None:
            self._pdf.close()

    def find(self, index: int) -> list[Table]:
        """Tables of one page from top to bottom; none when the page can't be analysed: its text is still
        read."""
        if self._pages_read >= MAX_TABLE_PAGES:
            return []
        self._pages_read += 1
        try:
            if self._pdf is None:
                self._pdf = pdfplumber.open(io.BytesIO(self._data))
            page = self._pdf.pages[index]
            try:
                return _tables_of(page)
            finally:
                page.close()
        except Exception:  # noqa: BLE001 - a page pdfminer stumbles over still has its plain text
            self._pages_read = MAX_TABLE_PAGES
            return []


def _tables_of(page: "pdfplumber.page.Page") -> list[Table]:
    top_edge = page.bbox[1]
    tables = []
    for found in page.find_tables():
        rows = [[(cell or "") for cell in row] for row in found.extract()]
        filled = sum(bool(cell.strip()) for row in rows for cell in row)
        if len(rows) >= 2 and max(map(len, rows)) >= 2 and filled >= 4:
            _, top, _, bottom = found.bbox
            tables.append(Table(rows, top - top_edge, bottom - top_edge))
    return _without_nested(sorted(tables, key=lambda table: table.top))


def _without_nested(tables: list[Table]) -> list[Table]:
    kept: list[Table] = []
    for table in tables:
        if not kept or table.top >= kept[-1].bottom - 1:
            kept.append(table)
    return kept
