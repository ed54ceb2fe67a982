"""Which parser reads which file, by its name and its content."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath

from apps.knowledge.parsing.document import ParsedDocument, Progress
from apps.knowledge.parsing.errors import (
    EmptyDocument,
    EncryptedDocument,
    UnreadableContent,
    UnsupportedFormat,
    WrongExtension,
)
from apps.knowledge.parsing.sniffing import NAMES, sniff


@dataclass(frozen=True, slots=True)
class Parser:
    """One file type: its extensions, the kinds of content (see ``sniff``) it accepts, and the module beside this
    one whose ``parse`` reads it."""

    extensions: tuple[str, ...]
    contents: frozenset[str]
    module: str

    def parse(self, content: bytes, name: str, progress: Progress) -> ParsedDocument:
        """Read a file of this type."""
        # The libraries are a quarter of what a process loads, and most processes never read a file.
        module = import_module(f"apps.knowledge.parsing.{self.module}")
        document: ParsedDocument = module.parse(content, name, progress)
        return document


PARSERS: tuple[Parser, ...] = (
    Parser((".pdf",), frozenset({"pdf"}), "pdf"),
    Parser((".docx",), frozenset({"docx"}), "docx"),
    Parser((".pptx",), frozenset({"pptx"}), "pptx"),
    Parser((".xlsx",), frozenset({"xlsx"}), "xlsx"),
    Parser((".epub",), frozenset({"epub"}), "epub"),
    Parser((".md", ".markdown", ".mdx"), frozenset({"text", "html"}), "markdown"),
    Parser((".txt", ".text", ".log"), frozenset({"text", "html"}), "text"),
    Parser((".html", ".htm", ".xhtml"), frozenset({"text", "html"}), "html"),
    Parser((".csv", ".tsv"), frozenset({"text"}), "csv"),
)

_BY_EXTENSION = {extension: parser for parser in PARSERS for extension in parser.extensions}

#: Every extension that can be uploaded, in the order shown to people.
EXTENSIONS: tuple[str, ...] = tuple(_BY_EXTENSION)


def check_name(name: str) -> Parser:
    """The parser for a file name; raises ``UnsupportedFormat`` listing what is supported."""
    extension = PurePath(name).suffix.lower()
    if extension not in _BY_EXTENSION:
        raise UnsupportedFormat(extension=extension or name, supported=", ".join(EXTENSIONS))
    return _BY_EXTENSION[extension]


def parse(data: bytes | Path, name: str, progress: Progress | None = None) -> ParsedDocument:
    """Read a file (its bytes or its path) by its name. Raises a ``ParseError`` and no other exception.

    ``progress`` is called with (done, total) and may raise to stop; what it raises passes through.
    """
    parser = check_name(name)
    content = data.read_bytes() if isinstance(data, Path) else data
    if not content.strip():
        raise EmptyDocument
    check_content(parser, content, name)
    document = parser.parse(content, name, progress or _no_progress)
    if not any(section.text.strip() for section in document.sections):
        raise EmptyDocument
    return document


def check_content(parser: Parser, content: bytes, name: str) -> None:
    """Raise when the content is not what the name promises, naming what it is."""
    found = sniff(content)
    if found in parser.contents:
        return
    if found == "encrypted":
        raise EncryptedDocument
    readable = any(found in other.contents for other in PARSERS)
    error = WrongExtension if readable else UnreadableContent
    raise error(extension=PurePath(name).suffix.lower(), found=NAMES.get(found, found))


def _no_progress(done: int, total: int) -> None:
    """Nobody watches."""
