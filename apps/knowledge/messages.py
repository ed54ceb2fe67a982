"""The sentences of plain-Python parts, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: The English texts are the templates of `parsing.errors` and of the services; a test keeps the two the same.
SENTENCES: dict[str, str | Promise] = {
    "parse_error": _("The file can't be read."),
    "empty_document": _("The file has no text. Upload a file with content."),
    "encrypted_document": _(
        "The file is protected by a password. Remove the protection and upload it again."
    ),
    "broken_document": _("The %(format)s file is damaged. Open it, save it again and upload the new file."),
    "no_text_layer": _(
        "The PDF has no text layer: its pages are pictures. Run text recognition (OCR) and upload the result."
    ),
    "unsupported_format": _("Files of type “%(extension)s” can't be read. Supported: %(supported)s."),
    "wrong_extension": _(
        "The file's name ends in “%(extension)s”, but its content is %(found)s. "
        "Upload it under its right name."
    ),
    "unreadable_content": _(
        "The file's name ends in “%(extension)s”, but its content is %(found)s, which can't be read."
    ),
    "oversized_document": _(
        "The file's content is too large (%(limit)s at most). Split it and upload the parts."
    ),
    "oversized_file": _(
        "The file has %(size)s; %(limit)s is the most that can be uploaded. Split it and upload the parts."
    ),
    "missing_file": _("The uploaded file is gone from the storage. Upload it again."),
    "model_error": _("The embedding model failed: %(reason)s"),
    "unexpected_error": _(
        "An unexpected error stopped the indexing. Try again; the worker's log has the details."
    ),
}


def sentence(code: str, params: Mapping[str, str]) -> str:
    """The translated sentence of a code, or "" for an unknown one."""
    if code not in SENTENCES:
        return ""
    try:
        return str(SENTENCES[code]) % params
    except (KeyError, TypeError, ValueError):
        return ""
