"""Word documents (.docx), through HTML to Markdown."""

import io
from pathlib import PurePath

import docx
import mammoth

from apps.knowledge.parsing.archive import check_archive, is_xml
from apps.knowledge.parsing.document import ParsedDocument, Progress
from apps.knowledge.parsing.errors import BrokenDocument
from apps.knowledge.parsing.html import convert

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
    if not any(map(is_xml, check_archive(data, "Word", is_xml))):
        raise BrokenDocument(format="Word")


def _title(data: bytes) -> str:
    return (docx.Document(io.BytesIO(data)).core_properties.title or "").strip()
