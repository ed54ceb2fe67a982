"""From bytes of unknown encoding to text."""

import codecs

from charset_normalizer import from_bytes

from apps.knowledge.parsing.errors import UnreadableContent

#: How much is looked at to guess an encoding; more is slower and not better.
_SAMPLE_BYTES = 131_072

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: GB18030 holds GB2312 and GBK; Windows-1252 holds Latin-1 as people use it.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "gb18030",
    "iso8859_1": "cp1252",
    "ascii": "cp1252",
}


def decode(data: bytes, extension: str = ".txt") -> str:
    """Text of the bytes: byte order mark, then UTF-8, then the likeliest legacy encoding. Bad bytes become
    U+FFFD."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_guess(data, extension), errors="replace")


def _guess(data: bytes, extension: str) -> str:
    sample = data[:_SAMPLE_BYTES]
    # A sample cut inside a character must not rule its encoding out: end at a line break when there is one.
    if len(data) > len(sample) and (end := sample.rfind(b"\n")) > 0:
        sample = sample[:end]
    best = from_bytes(sample).best()
    if best is None:
        raise UnreadableContent(extension=extension, found="text in an unknown encoding or binary data")
    return _SUPERSETS.get(best.encoding, best.encoding)
