"""Markdown files, with their front matter read as metadata."""

import re
from pathlib import PurePath

from apps.knowledge.parsing.document import ParsedDocument, Progress, Section
from apps.knowledge.parsing.encoding import decode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.{0,20000}?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([\w-]{1,64})[ \t]*:[ \t]*(\S.*)$", re.MULTILINE)
_TITLE = re.compile(r"^#[ \t]+(\S.*?)[ \t]*#*$", re.MULTILINE)


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Decode, take simple ``key: value`` front matter off; the title is front matter, first heading or file
    name."""
    text = decode(data, PurePath(name).suffix.lower())
    metadata: dict[str, str] = {}
    if match := _FRONT_MATTER.match(text):
        metadata = {key: value.strip().strip("\"'") for key, value in _FIELD.findall(match.group(1))}
        # A document that is nothing but its front matter keeps it as text.
        text = text[match.end() :] if metadata and text[match.end() :].strip() else text
    heading = _TITLE.search(text)
    title = metadata.get("title") or (heading.group(1) if heading else PurePath(name).stem)
    progress(1, 1)
    return ParsedDocument(sections=(Section(text),), title=title, metadata=metadata)
