"""Word documents (.docx), through HTML to Markdown."""

import io
import zipfile
from pathlib import PurePath

import docx
import mammoth

from apps.knowledge.parsing.document import ParsedDocument, Progress
from apps.knowledge.parsing.errors import BrokenDocument, OversizedDocument
from apps.knowledge.parsing.html import convert

#: XML of one document after decompression; a thousand-page novel has about 20 MB.
MAX_XML_BYTES = 200 * 1024 * 1024

#: What mammoth would otherwise turn into plain paragraphs.
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p > em:fresh
p[style-name='Heading 7'] => h6:fresh
p[style-name='Heading 8'] => h6:fresh
p[style-name='Heading 9'] => h6:fresh
"""


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Check the archive, convert by styles, keep headings, lists and tables; pictures become their
    description."""
    _check_archive(data)
    progress(0, 2)
    try:
        result = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        )
        title = _title(data)
    except Exception as error:  # damaged XML surfaces as KeyError, IndexError, expat and zip errors alike
        raise BrokenDocument(format="Word") from error
    progress(1, 2)
    document = convert(result.value, fallback_title=title or PurePath(name).stem)
    progress(2, 2)
    return document


def _check_archive(data: bytes) -> None:
    """Refuse damaged archives, and archives that unpack to far more than they weigh."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile raises half a dozen classes on crafted directories
        raise BrokenDocument(format="Word") from error
    if (
        sum(entry.file_size for entry in entries if _is_xml(entry.filename)) > MAX_XML_BYTES
        or len(entries) > 20_000
    ):
        raise OversizedDocument(limit=f"{MAX_XML_BYTES // 1024 // 1024} MB")
    if not any(entry.filename == "word/document.xml" or _is_xml(entry.filename) for entry in entries):
        raise BrokenDocument(format="Word")


def _is_xml(name: str) -> bool:
    return name.endswith((".xml", ".rels"))


def _title(data: bytes) -> str:
    return (docx.Document(io.BytesIO(data)).core_properties.title or "").strip()
