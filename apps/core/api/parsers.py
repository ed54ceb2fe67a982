"""Reading request bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class BoundedJSONParser(JSONParser):
    """JSON; a body with thousands of levels is a mistake of the client, not of the server."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse; raises `ParseError` for what is no JSON, or nested too deep."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The JSON has too many levels inside each other.")) from None


class UnicodeJSONParser(BoundedJSONParser):
    """JSON whose texts are Unicode: no encoding, and no database, has halves of surrogate pairs."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse; raises `ParseError`, also for such halves."""
        value = super().parse(stream, media_type, parser_context)
        if _holds_half(value):
            raise ParseError(_("A text holds half of a surrogate pair, which is no character."))
        return value


def _holds_half(value: Any) -> bool:
    """Whether a text anywhere in a parsed body can't be encoded. Goes by a list of its own: bodies may be deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            # most are ASCII, which is asked of a flag
            if not item.isascii() and any("\ud800" <= character <= "\udfff" for character in item):
                return True
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False
