"""What a file really is, from its bytes."""

import io
import re
import zipfile

#: First bytes of formats people upload by mistake, with what to call them in a sentence.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"BM", "a BMP picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an XZ archive"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"RIFF", "a sound, picture or video file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%!PS", "a PostScript file"),
    (b"wOFF", "a font"),
)

_HTML = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

#: How each kind a parser reads is called in a sentence.
NAMES = {
    "pdf": "a PDF file",
    "docx": "a Word document (.docx)",
    "pptx": "a PowerPoint presentation (.pptx)",
    "xlsx": "an Excel workbook (.xlsx)",
    "epub": "an EPUB book",
    "html": "an HTML page",
    "text": "plain text",
    "encrypted": "an encrypted Office file",
}


def sniff(data: bytes) -> str:
    """A kind of ``NAMES``, or a phrase naming something no parser reads."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _sniff_compound(data)
    if data[4:12] in {b"ftypisom", b"ftypmp42", b"ftypM4A ", b"ftypqt  ", b"ftypheic"}:
        return "a video, sound or picture file"
    if not looks_like_text(data):
        return next((phrase for magic, phrase in _SIGNATURES if data.startswith(magic)), "binary data")
    return "html" if _HTML.match(data[:4096]) else "text"


def looks_like_text(data: bytes) -> bool:
    """Whether the bytes can be text of some encoding: hardly any control characters, or a Unicode byte order
    mark."""
    head = data[:65536]
    if head.startswith(_BOMS):
        return True
    controls = sum(head.count(code) for code in (*range(9), 11, *range(14, 27), *range(28, 32), 127))
    return controls <= len(head) // 200


def _sniff_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        # A DOCX cut short has no directory any more; its own name is still in the first entries.
        return "docx" if b"word/" in data[:65536] else "a damaged ZIP archive"
    if any(name.startswith("word/") for name in names):
        return "docx"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if any(name.startswith("ppt/") for name in names):
        return "pptx"
    if "META-INF/container.xml" in names:
        return "epub"
    return "a ZIP archive"


def _sniff_compound(data: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return "encrypted"
    if "WordDocument".encode("utf-16-le") in data:
        return "an old Word document (.doc)"
    if "Workbook".encode("utf-16-le") in data:
        return "an old Excel workbook (.xls)"
    return "an old Office file"
