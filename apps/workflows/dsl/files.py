"""Documents as files: names, encodings, formats."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from apps.workflows.dsl.document import Document
from apps.workflows.dsl.nodetype import Catalogue
from apps.workflows.dsl.parsing import parse
from apps.workflows.dsl.problems import DocumentError, Problem
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.writing import dump_json, dump_yaml

Format = Literal["yaml", "json"]

CONTENT_TYPES: dict[Format, str] = {"yaml": "application/yaml", "json": "application/json"}
_UNSAFE = re.compile(r"[^\w]+")
_MAX_NAME = 80


def file_name(document: Document, format_: Format = "yaml") -> str:
    """The name of an exported file: ``Order triage`` becomes ``order-triage.flywheel.yaml``."""
    plain = unicodedata.normalize("NFKC", document.name).lower()
    stem = _UNSAFE.sub("-", plain).strip("-_")[:_MAX_NAME].strip("-_") or document.kind
    return f"{stem}.flywheel.{format_}"


def write_file(document: Document, format_: Format = "yaml", catalogue: Catalogue | None = None) -> bytes:
    """The content of an exported file, UTF-8."""
    write = dump_json if format_ == "json" else dump_yaml
    return write(document, catalogue).encode()


def read_file(content: bytes) -> Document:
    """A document from a file, YAML or JSON, with or without a byte order mark. Raises DocumentError."""
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return parse(content.decode(encoding))
    except UnicodeDecodeError:
        raise DocumentError([Problem("not_text", "", _("The file is not UTF-8 text."))]) from None
