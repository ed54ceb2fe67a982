"""PowerPoint presentations (.pptx): a section for each slide, with its title, text, tables and notes as Markdown."""

import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import pptx

from apps.knowledge.parsing.archive import check_archive, is_xml
from apps.knowledge.parsing.document import ParsedDocument, Progress, Section
from apps.knowledge.parsing.errors import BrokenDocument
from apps.knowledge.parsing.tables import to_markdown

_MAX_GROUPS = 20


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Read slide by slide, shapes from top to bottom; hidden slides too, pictures by their description."""
    check_archive(data, "PowerPoint", is_xml)
    try:
        presentation = pptx.Presentation(io.BytesIO(data))
        slides = list(presentation.slides)
        title = (presentation.core_properties.title or "").strip()
    except Exception as error:  # damaged XML surfaces as KeyError, ValueError, lxml and zip errors alike
        raise BrokenDocument(format="PowerPoint") from error
    sections = []
    for number, slide in enumerate(slides, start=1):
        try:
            sections.append(_section(slide, number))
        except Exception as error:  # same: shapes are read as they are asked for
            raise BrokenDocument(format="PowerPoint") from error
        progress(number, len(slides))
    first = next((section.headings[0] for section in sections if section.headings), "")
    return ParsedDocument(tuple(sections), title or first or PurePath(name).stem, page_count=len(slides))


def _section(slide: Any, number: int) -> Section:
    heading = _line(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""
    parts = [f"## {heading}"] if heading else []
    title_id = slide.shapes.title.shape_id if slide.shapes.title is not None else None
    shapes = [shape for shape in slide.shapes if shape.shape_id != title_id]
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        parts += _texts(shape, 0)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        parts.append(_paragraphs(slide.notes_slide.notes_text_frame))
    text = "\n\n".join(part for part in parts if part)
    return Section(text, page=number, headings=(heading,) if heading else ())


def _texts(shape: Any, depth: int) -> Iterator[str]:
    """What a shape says; groups are gone through as far as people nest them."""
    if hasattr(shape, "shapes"):
        if depth < _MAX_GROUPS:
            for inner in shape.shapes:
                yield from _texts(inner, depth + 1)
    elif getattr(shape, "has_table", False):
        yield to_markdown([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif shape.has_text_frame:
        yield _paragraphs(shape.text_frame)
    elif hasattr(shape, "image"):
        yield _line(shape._element._nvXxPr.cNvPr.get("descr") or "")


def _paragraphs(frame: Any) -> str:
    """Paragraphs as a list, indented by their level; a single one as it stands."""
    found = [(paragraph.level, _line(paragraph.text)) for paragraph in frame.paragraphs]
    found = [(level, text) for level, text in found if text]
    if len(found) < 2:
        return "".join(text for _level, text in found)
    return "\n".join(f"{'  ' * level}- {text}" for level, text in found)


def _line(text: str) -> str:
    return " ".join(text.split())
