"""What observations cost when nobody said: asked of the model catalogue, which registers itself here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from apps.tracing.mapping import ObservationRow


class Pricer(Protocol):
    """Knows prices."""

    def __call__(
        self,
        workspace_id: UUID,
        model: str,
        provider: str,
        *,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int,
    ) -> Decimal | None:
        """US dollars for this usage; None when the price isn't known. Called per span: fast, and never raises."""


@dataclass(slots=True)
class _Registry:
    pricer: Pricer | None = field(default=None)


_registry = _Registry()


def register(pricer: Pricer) -> None:
    """Set who is asked."""
    _registry.pricer = pricer


def price(rows: Iterable[ObservationRow]) -> None:
    """Fill in the cost of the rows that name a model and count tokens, but no cost."""
    pricer = _registry.pricer
    if pricer is None:
        return
    for row in rows:
        if row.cost is None and row.model and (row.input_tokens or row.output_tokens):
            usage = row.usage or {}
            row.cost = pricer(
                row.workspace_id,
                row.model,
                row.provider,
                input_tokens=row.input_tokens or 0,
                output_tokens=row.output_tokens or 0,
                cached_tokens=usage.get("input_cached_tokens", 0),
            )
