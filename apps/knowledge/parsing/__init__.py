"""From a file's bytes to clean text: one parser per file type behind one function, ``parse``."""

from apps.knowledge.parsing.cleaning import clean
from apps.knowledge.parsing.document import ParsedDocument, Section, SectionKind
from apps.knowledge.parsing.errors import (
    BrokenDocument,
    EmptyDocument,
    EncryptedDocument,
    NoTextLayer,
    OversizedDocument,
    ParseError,
    UnsupportedFormat,
)
from apps.knowledge.parsing.registry import EXTENSIONS, check_name, parse

__all__ = [
    "EXTENSIONS",
    "BrokenDocument",
    "EmptyDocument",
    "EncryptedDocument",
    "NoTextLayer",
    "OversizedDocument",
    "ParseError",
    "ParsedDocument",
    "Section",
    "SectionKind",
    "UnsupportedFormat",
    "check_name",
    "clean",
    "parse",
]
