"""Plain text files."""

from pathlib import PurePath

from apps.knowledge.parsing.document import ParsedDocument, Progress, Section, SectionKind
from apps.knowledge.parsing.encoding import decode


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Decode; the title is the file's name."""
    text = decode(data, PurePath(name).suffix.lower())
    progress(1, 1)
    return ParsedDocument(sections=(Section(text, SectionKind.PLAIN),), title=PurePath(name).stem)
