"""EPUB books: the chapters in reading order, each through HTML to Markdown."""

import io
import posixpath
import re
import zipfile
from pathlib import PurePath
from urllib.parse import unquote

from lxml import etree

from apps.knowledge.parsing.archive import MAX_TEXT_BYTES, check_archive
from apps.knowledge.parsing.document import ParsedDocument, Progress, Section
from apps.knowledge.parsing.encoding import decode
from apps.knowledge.parsing.errors import BrokenDocument, EncryptedDocument, OversizedDocument
from apps.knowledge.parsing.html import convert

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
#: Encryption of fonts alone hides no text.
_OBFUSCATION = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
#: Chapters are read as HTML, which has no such line.
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_PAGES = {"application/xhtml+xml", "text/html"}


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Follow the package's spine; the table of contents (``nav``) is no chapter. Format: EPUB 2 and 3 (W3C)."""
    check_archive(data, "EPUB", _is_text)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(_Book(archive), name, progress)
    except (BrokenDocument, EncryptedDocument, OversizedDocument):
        raise
    except (
        zipfile.BadZipFile,
        etree.LxmlError,
        KeyError,
        ValueError,
        OSError,
        RuntimeError,
        EOFError,
    ) as error:
        raise BrokenDocument(format="EPUB") from error


def _is_text(name: str) -> bool:
    return name.lower().endswith((".xhtml", ".html", ".htm", ".xml", ".opf", ".ncx"))


class _Book:
    """The package document of a book: its title, and its pages in reading order."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_TEXT_BYTES
        if _ENCRYPTION in archive.namelist() and not _only_fonts(self.read(_ENCRYPTION)):
            raise EncryptedDocument
        roots = _xml(self.read(_CONTAINER)).xpath("//*[local-name()='rootfile']/@full-path")
        if not roots:
            raise BrokenDocument(format="EPUB")
        package = _xml(self.read(str(roots[0])))
        base = posixpath.dirname(str(roots[0]))
        self.title = _first(package, "title")
        found = {"author": _first(package, "creator"), "language": _first(package, "language")}
        self.metadata = {key: value for key, value in found.items() if value}
        pages = {
            item.get("id"): posixpath.normpath(posixpath.join(base, unquote(item.get("href", ""))))
            for item in package.xpath("//*[local-name()='manifest']/*[local-name()='item']")
            if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
        }
        spine = package.xpath("//*[local-name()='spine']/*[local-name()='itemref']/@idref")
        self.pages = [pages[one] for one in spine if one in pages]

    def read(self, name: str) -> bytes:
        """An entry; a directory's sizes may lie, so what is unpacked is counted."""
        with self._archive.open(name) as entry:
            content = entry.read(self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise OversizedDocument(limit=f"{MAX_TEXT_BYTES // 1024 // 1024} MB")
        return content


def _read(book: _Book, name: str, progress: Progress) -> ParsedDocument:
    sections, warnings = [], list[str]()
    for number, page in enumerate(book.pages, start=1):
        try:
            content = book.read(page)
        except KeyError:
            warnings.append(f"The book names a chapter that it does not hold: {PurePath(page).name}.")
            continue
        chapter = convert(_DECLARATION.sub("", decode(content, ".html")), fallback_title="")
        if text := chapter.text.strip():
            headings = (chapter.title,) if chapter.title else ()
            sections.append(Section(text, headings=headings))
        progress(number, len(book.pages))
    title = book.title or PurePath(name).stem
    return ParsedDocument(tuple(sections), title, metadata=book.metadata, warnings=tuple(warnings))


def _xml(content: bytes) -> etree._Element:
    """Parse without entities, network and huge trees: a book comes from anywhere."""
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def _first(package: etree._Element, tag: str) -> str:
    found = package.xpath(f"//*[local-name()='metadata']/*[local-name()='{tag}']/text()")
    return " ".join(str(found[0]).split()) if found else ""


def _only_fonts(content: bytes) -> bool:
    methods = _xml(content).xpath("//*[local-name()='EncryptionMethod']/@Algorithm")
    return all(str(method).encode() in _OBFUSCATION for method in methods)
