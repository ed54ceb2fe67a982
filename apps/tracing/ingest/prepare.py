"""Span records into rows ready to store: masked, mapped and priced. Our own spans and received ones go this way."""

from collections.abc import Iterable
from uuid import UUID

from apps.tracing import conf, pricing
from apps.tracing.mapping import Mapper, ObservationRow, SpanError, SpanRecord
from apps.tracing.masking import Masker, masks_of

_NAME_CHARS = 80


def prepare(records: Iterable[SpanRecord], workspace_id: UUID, rejected: list[str]) -> list[ObservationRow]:
    """The rows of the records that can be stored; a sentence is added to `rejected` for each other one."""
    mapper = Mapper(workspace_id, record_content=conf.record_content())
    masker = Masker(masks_of(workspace_id))
    rows: list[ObservationRow] = []
    for record in records:
        try:
            rows.append(mapper.map(masker.mask(record)))
        except SpanError as error:
            rejected.append(f"{_name(record)}: {error}")
    pricing.price(rows)
    return rows


def _name(record: SpanRecord) -> str:
    return f"Span {record.name[:_NAME_CHARS]!r} ({record.span_id[:16]})"
