"""Small files of every supported type, made in memory."""

import io
import zipfile
from typing import Any

import docx
import openpyxl
import pptx
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


def workbook(**sheets: list[list[object]]) -> bytes:
    """An XLSX of sheets by their names, each a list of rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return _saved(made)


def slides(*contents: dict[str, Any]) -> bytes:
    """A PPTX; each slide has a title and perhaps points, rows of a table, and notes."""
    made = pptx.Presentation()
    for content in contents:
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = content["title"]
        slide.placeholders[1].text = "\n".join(content.get("points", []))
        if rows := content.get("rows"):
            table = slide.shapes.add_table(len(rows), len(rows[0]), 0, 0, 100, 100).table
            for row, cells in enumerate(rows):
                for column, text in enumerate(cells):
                    table.cell(row, column).text = text
        if notes := content.get("notes"):
            slide.notes_slide.notes_text_frame.text = notes
    return _saved(made)


def _saved(made: Any) -> bytes:
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def book(*chapters: tuple[str, str | None], method: str = "", prolog: str = "") -> bytes:
    """An EPUB of (heading, text) chapters, whose reading order is the reverse of the archive's; a chapter without text
    is named and not there. method: how the book says something is encrypted; prolog: what its package begins with."""
    pages = {
        f"c{number}.xhtml": f"<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'>"
        f"<head><title>x</title></head><body><h1>{heading}</h1><p>{text}</p></body></html>"
        for number, (heading, text) in enumerate(chapters)
        if text is not None
    }
    kind = 'media-type="application/xhtml+xml"'
    items = "".join(f'<item id="c{n}" href="text/c{n}.xhtml" {kind}/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    entries = {
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": f"{prolog}<package xmlns='http://www.idpf.org/2007/opf'>"
        "<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>A book</dc:title>"
        "<dc:creator>Somebody</dc:creator></metadata>"
        f"<manifest><item id='toc' href='toc.xhtml' properties='nav' {kind}/>"
        f"{items}</manifest><spine><itemref idref='toc'/>{spine}</spine></package>",
        "OEBPS/toc.xhtml": "<html><body>Contents</body></html>",
        **{f"OEBPS/text/{name}": page for name, page in pages.items()},
    }
    if method:
        entries["META-INF/encryption.xml"] = f"<e><EncryptionMethod Algorithm='{method}'/></e>"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()
