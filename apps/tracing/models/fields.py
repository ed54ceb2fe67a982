"""Ids of traces and spans: hex text in Python as OpenTelemetry writes them, 16 and 8 bytes in the table."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    HexField = models.Field[Any, Any]
else:
    HexField = models.Field


class TraceIdField(HexField):
    """32 hex digits, stored as uuid."""

    description = _("Trace id")

    def db_type(self, connection: Any) -> str:
        """PostgreSQL's uuid is 16 bytes where the text would be 33."""
        return "uuid"

    def from_db_value(self, value: UUID | None, *_args: Any) -> str | None:
        """The hex form."""
        return None if value is None else value.hex

    def to_python(self, value: Any) -> str | None:
        """The hex form of anything that is a trace id."""
        if value is None:
            return None
        try:
            return UUID(str(value)).hex
        except ValueError:
            raise ValidationError(_("This is not a trace id."), code="invalid") from None

    def get_prep_value(self, value: Any) -> str | None:
        """What the database compares with."""
        return self.to_python(super().get_prep_value(value))


class SpanIdField(HexField):
    """16 hex digits, stored as a signed 64-bit integer."""

    description = _("Span id")

    def db_type(self, connection: Any) -> str:
        """PostgreSQL's bigint is 8 bytes where the text would be 17."""
        return "bigint"

    def from_db_value(self, value: int | None, *_args: Any) -> str | None:
        """The hex form."""
        return None if value is None else format(value & 0xFFFF_FFFF_FFFF_FFFF, "016x")

    def to_python(self, value: Any) -> str | None:
        """The hex form of anything that is a span id."""
        if value is None:
            return None
        try:
            return format(int(str(value), 16) & 0xFFFF_FFFF_FFFF_FFFF, "016x")
        except ValueError:
            raise ValidationError(_("This is not a span id."), code="invalid") from None

    def get_prep_value(self, value: Any) -> int | None:
        """What the database compares with."""
        text = self.to_python(super().get_prep_value(value))
        return None if text is None else signed(text)


def signed(span_id: str) -> int:
    """The stored form of a span id of 16 hex digits."""
    number = int(span_id, 16)
    return number - (1 << 64) if number >> 63 else number
