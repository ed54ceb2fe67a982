"""Formats that are ZIP archives: what has to hold before anything in one is unpacked."""

import io
import zipfile
from collections.abc import Callable

from apps.knowledge.parsing.errors import BrokenDocument, OversizedDocument

#: Text of one document after decompression; a thousand-page novel has about 20 MB.
MAX_TEXT_BYTES = 200 * 1024 * 1024
MAX_ENTRIES = 20_000


def check_archive(data: bytes, format: str, is_text: Callable[[str], bool]) -> list[str]:
    """Refuse damaged archives, and archives that unpack to far more than they weigh; the names of the entries.

    ``is_text`` tells by its name whether an entry is read as text, which is what has to fit into memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile raises half a dozen classes on crafted directories
        raise BrokenDocument(format=format) from error
    size = sum(entry.file_size for entry in entries if is_text(entry.filename))
    if size > MAX_TEXT_BYTES or len(entries) > MAX_ENTRIES:
        raise OversizedDocument(limit=f"{MAX_TEXT_BYTES // 1024 // 1024} MB")
    return [entry.filename for entry in entries]


def is_xml(name: str) -> bool:
    """Whether an entry of an Office file is XML."""
    return name.endswith((".xml", ".rels"))
