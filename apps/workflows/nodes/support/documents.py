"""The text of files, by their names."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import orjson
import yaml

from apps.knowledge.parsing import EXTENSIONS, BrokenDocument, EmptyDocument, parse
from apps.knowledge.parsing import clean as tidied
from apps.knowledge.parsing.encoding import decode
from apps.workflows.dsl import types
from apps.workflows.engine.errors import NodeError

_JSON = frozenset({".json", ".jsonl", ".ndjson"})
_YAML = frozenset({".yaml", ".yml"})
#: Text that is read as it stands.
_PLAIN = frozenset(
    {
        ".bash", ".bat", ".c", ".cfg", ".conf", ".cpp", ".cs", ".css", ".env", ".go", ".h", ".ini", ".java", ".js",
        ".kt", ".lua", ".php", ".pl", ".properties", ".py", ".r", ".rb", ".rs", ".rst", ".scala", ".scss", ".sh",
        ".sql", ".srt", ".swift", ".tex", ".toml", ".ts", ".vtt", ".xml",
    }
)  # fmt: skip


def files_in(value: Any) -> list[dict[str, Any]]:
    """The files of a variable: one file, or a list of files. Raises `NodeError` (no_file)."""
    found = value if isinstance(value, list) else [value]
    files = [file for file in found if file is not None]
    for file in files:
        if not types.is_file(file):
            raise NodeError(f"A file is needed, not {types.named(types.infer(file))}.", code="no_file")
    return files


def name_of(file: Mapping[str, Any]) -> str:
    """The file's name, with an extension after its type when it has none."""
    name = str(file.get("name") or "file")
    if PurePath(name).suffix:
        return name
    kind = str(file.get("content_type") or "").partition(";")[0].strip()
    return name + (mimetypes.guess_extension(kind) or ".txt")


def read(content: bytes, name: str, *, clean: bool) -> dict[str, Any]:
    """What a file says: name, title, text, pages, metadata, warnings. Raises `ParseError`."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in EXTENSIONS and suffix in _JSON | _YAML | _PLAIN:
        return _described(name, _as_text(content, suffix))
    document = parse(content, name)
    if clean:
        document = tidied(document)
    return _described(
        name, document.text, document.title, document.page_count, document.metadata, list(document.warnings)
    )


def _described(
    name: str,
    text: str,
    title: str = "",
    pages: int | None = None,
    metadata: Mapping[str, str] | None = None,
    warnings: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title or PurePath(name).stem,
        "text": text,
        "pages": pages,
        "metadata": dict(metadata or {}),
        "warnings": warnings or [],
    }


def _as_text(content: bytes, suffix: str) -> str:
    """Data files are read and written again, so that what is broken is found and what is escaped can be read."""
    if not content.strip():
        raise EmptyDocument
    text = decode(content, suffix)
    if suffix == ".json":
        try:
            return orjson.dumps(
                orjson.loads(text.removeprefix("\ufeff")), option=orjson.OPT_INDENT_2
            ).decode()
        except orjson.JSONDecodeError as error:
            raise BrokenDocument(format="JSON") from error
    if suffix in _YAML:
        try:
            list(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except yaml.YAMLError as error:
            raise BrokenDocument(format="YAML") from error
    return text


def content_type(name: str) -> str:
    """The media type that a file's name promises."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
