"""Observation rows as PostgreSQL's binary COPY format takes them.

The server parses nothing but JSON of it, and nothing has to be escaped.
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from struct import Struct
from typing import Final

import orjson
from psycopg import adapters
from psycopg.adapt import PyFormat

from apps.tracing.mapping import ObservationRow
from apps.tracing.models.packed import pack

#: Columns of `tracing_observation` in the order of `_observation`.
OBSERVATION_COLUMNS: Final = (
    "workspace_id", "trace_id", "span_id", "start_time", "end_time",
    "parent_id", "input_tokens", "output_tokens", "ttft_ms", "cost",
    "type", "status", "level", "model", "provider", "environment", "release", "version", "source_type",
    "prompt_name", "prompt_version",
    "name", "session_id", "user_id", "source_id", "status_message",
    "tags", "usage", "metadata", "attributes",
    "input_preview", "output_preview",
)  # fmt: skip
#: Columns of `tracing_observationpayload` in the order of `_payload`.
PAYLOAD_COLUMNS: Final = ("workspace_id", "trace_id", "span_id", "start_time", "texts")

# before and after the rows: signature, no flags, no extension; the end of the data
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_NO_TAGS: Final = Struct("!i3i").pack(12, 0, 0, 25)
_TEXT_OID: Final = 25
_JSONB_VERSION: Final = b"\1"
_length = Struct("!i").pack
_int4 = Struct("!ii").pack
_float8 = Struct("!id").pack
_array = Struct("!5i").pack
# how many fields follow, then each with its length before it
_observation_start = Struct("!hi16si16si8siqiq").pack
_payload_start = Struct("!hi16si16si8siq").pack

#: PostgreSQL counts microseconds from here.
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_numeric = adapters.get_dumper(Decimal, PyFormat.BINARY)(Decimal)


class EncodingError(ValueError):
    """A row has a value that its column can't hold, so it was not made by the mapping."""


def observations(rows: Iterable[ObservationRow]) -> bytes:
    """What a COPY of `rows` into `tracing_observation` sends; raises EncodingError."""
    try:
        return b"".join((_HEADER, *map(_observation, rows), _TRAILER))
    except (ValueError, TypeError, AttributeError, OverflowError, struct.error) as error:
        raise EncodingError(str(error)) from error


def payloads(rows: Iterable[ObservationRow]) -> bytes:
    """The same for `tracing_observationpayload`, of the rows that have an input or output apart; empty without any.

    For rows that `observations` encodes.
    """
    found = [_payload(row) for row in rows if row.input is not None or row.output is not None]
    return b"".join((_HEADER, *found, _TRAILER)) if found else b""


def _observation(row: ObservationRow) -> bytes:
    return b"".join(
        (
            _observation_start(
                len(OBSERVATION_COLUMNS),
                16, row.workspace_id.bytes, 16, bytes.fromhex(row.trace_id), 8, bytes.fromhex(row.span_id),
                8, (row.start_time - _EPOCH) // _MICROSECOND, 8, (row.end_time - _EPOCH) // _MICROSECOND,
            ),
            b"\0\0\0\x08" + bytes.fromhex(row.parent_id) if row.parent_id else _NULL,
            _NULL if row.input_tokens is None else _int4(4, row.input_tokens),
            _NULL if row.output_tokens is None else _int4(4, row.output_tokens),
            _NULL if row.ttft_ms is None else _float8(8, row.ttft_ms),
            _NULL if row.cost is None else _sized(bytes(_numeric.dump(row.cost) or b"")),
            _labels(
                row.type, row.status, row.level, row.model, row.provider, row.environment, row.release, row.version,
                row.source_type, row.prompt_name, row.prompt_version,
            ),
            _labels(row.name),
            _labels(row.session_id),
            _labels(row.user_id),
            _text(row.source_id),
            _text(row.status_message),
            _texts(row.tags) if row.tags else _NO_TAGS,
            _json(row.usage),
            _json(row.metadata),
            _json(row.attributes),
            _text(row.input_preview),
            _text(row.output_preview),
        )
    )  # fmt: skip


def _payload(row: ObservationRow) -> bytes:
    return b"".join(
        (
            _payload_start(
                len(PAYLOAD_COLUMNS),
                16, row.workspace_id.bytes, 16, bytes.fromhex(row.trace_id), 8, bytes.fromhex(row.span_id),
                8, (row.start_time - _EPOCH) // _MICROSECOND,
            ),
            _sized(pack(row.input, row.output)),
        )
    )  # fmt: skip


def _sized(value: bytes) -> bytes:
    return _length(len(value)) + value


def _text(value: str) -> bytes:
    encoded = value.encode("utf-8", "replace")
    return _length(len(encoded)) + encoded


@lru_cache(maxsize=4096)
def _labels(*values: str) -> bytes:
    """Short texts that come again and again."""
    return b"".join(map(_text, values))


def _texts(values: Iterable[str]) -> bytes:
    """A text[] with one dimension, counted from 1."""
    items = [_text(value) for value in values]
    return _sized(_array(1, 0, _TEXT_OID, len(items), 1) + b"".join(items))


def _json(value: object) -> bytes:
    return _NULL if value is None else _sized(_JSONB_VERSION + orjson.dumps(value))
