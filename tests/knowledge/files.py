"""Small files of every supported type, made in memory."""

import io
import zipfile

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import SimpleDocTemplate, Table


def pdf(*pages: str, title: str = "", bookmarks: dict[int, str] | None = None, password: str = "") -> bytes:
    """A PDF with the given text on each page; an empty string makes a page without text."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, encrypt=StandardEncryption(password) if password else None)
    canvas.setTitle(title or "untitled")
    for number, page in enumerate(pages):
        if bookmarks and number in bookmarks:
            canvas.bookmarkPage(f"mark{number}")
            canvas.addOutlineEntry(bookmarks[number], f"mark{number}", 0)
        for row, line in enumerate(page.split("\n") if page else []):
            canvas.drawString(60, 780 - 16 * row, line)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def pdf_with_table(rows: list[list[str]]) -> bytes:
    """A PDF with one ruled table."""
    stream = io.BytesIO()
    table = Table(rows)
    table.setStyle([("GRID", (0, 0), (-1, -1), 1, "black")])
    SimpleDocTemplate(stream, pagesize=A4).build([table])
    return stream.getvalue()


def word(*paragraphs: tuple[str, str], rows: list[list[str]] | None = None) -> bytes:
    """A DOCX of (style, text) paragraphs and an optional table."""
    document = docx.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    if rows:
        table = document.add_table(rows=0, cols=len(rows[0]))
        for row in rows:
            for cell, value in zip(table.add_row().cells, row, strict=True):
                cell.text = value
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def archive(**files: bytes) -> bytes:
    """A ZIP with the given files; double underscores in names stand for slashes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return stream.getvalue()
