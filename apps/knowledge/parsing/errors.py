"""Why a file could not be read: each error is one sentence that says what to do.

Plain Python on purpose: the sentence is a template with named values, so that the console can show it
translated.
"""

from typing import ClassVar


class ParseError(Exception):
    """Root of everything ``parse`` raises. ``code`` and ``params`` identify the sentence without its
    language."""

    code: ClassVar[str] = "parse_error"
    template: ClassVar[str] = "The file can't be read."

    def __init__(self, **params: str) -> None:
        self.params = params
        super().__init__(self.template % params)


class EmptyDocument(ParseError):  # named like the states they are
    """Nothing to index."""

    code = "empty_document"
    template = "The file has no text. Upload a file with content."


class EncryptedDocument(ParseError):  # named like the states they are
    """Opens only with a password."""

    code = "encrypted_document"
    template = "The file is protected by a password. Remove the protection and upload it again."


class BrokenDocument(ParseError):  # named like the states they are
    """Damaged, or not what its first bytes promise."""

    code = "broken_document"
    template = "The %(format)s file is damaged. Open it, save it again and upload the new file."


class NoTextLayer(ParseError):  # named like the states they are
    """Pages are pictures."""

    code = "no_text_layer"
    template = (
        "The PDF has no text layer: its pages are pictures. Run text recognition (OCR) and upload the result."
    )


class UnsupportedFormat(ParseError):  # named like the states they are
    """A file type that no parser reads."""

    code = "unsupported_format"
    template = "Files of type “%(extension)s” can't be read. Supported: %(supported)s."


class WrongExtension(UnsupportedFormat):
    """Readable content under a name that says otherwise, or unreadable content under a good name."""

    code = "wrong_extension"
    template = (
        "The file's name ends in “%(extension)s”, but its content is %(found)s. "
        "Upload it under its right name."
    )


class UnreadableContent(UnsupportedFormat):
    """A good name on content that no parser reads."""

    code = "unreadable_content"
    template = "The file's name ends in “%(extension)s”, but its content is %(found)s, which can't be read."


class OversizedDocument(ParseError):  # named like the states they are
    """More content than one document may have, often hidden by compression."""

    code = "oversized_document"
    template = "The file's content is too large (%(limit)s at most). Split it and upload the parts."


ERRORS: dict[str, type[ParseError]] = {
    error.code: error
    for error in (
        ParseError,
        EmptyDocument,
        EncryptedDocument,
        BrokenDocument,
        NoTextLayer,
        UnsupportedFormat,
        WrongExtension,
        UnreadableContent,
        OversizedDocument,
    )
}
