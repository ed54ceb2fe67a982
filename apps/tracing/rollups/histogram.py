"""Latencies as counts in slots whose bounds grow by a fixed factor: sums of histograms are histograms."""

from collections.abc import Sequence
from typing import Final

#: Slots per doubling: a bound is 19 % above the one below it.
PER_DOUBLING: Final = 4
#: The last slot is open: 2^25 ms is nine hours.
LAST_SLOT: Final = 100
SLOTS: Final = LAST_SLOT + 1
#: The slot of a duration in milliseconds in SQL; slot 0 is up to one millisecond.
SLOT_SQL: Final = (
    "CASE WHEN %(ms)s <= 1 THEN 0 "
    f"ELSE least(ceil(ln(%(ms)s) / ln(2) * {PER_DOUBLING}), {LAST_SLOT}) END::smallint"
)


def upper_bound(slot: int) -> float:
    """The longest duration of a slot, in milliseconds."""
    return float(2 ** (slot / PER_DOUBLING))


def quantiles(counts: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """The durations below which these shares of the values lie, evenly spread within a slot; None without values.

    `counts` holds the number of values by slot.
    """
    total = sum(counts)
    if not total:
        return [None] * len(shares)
    return [_quantile(counts, share * total) for share in shares]


def _quantile(counts: Sequence[int], rank: float) -> float:
    below, bound = 0, 0.0
    for slot, inside in enumerate(counts):
        if not inside:
            continue
        bound = upper_bound(slot)
        if below + inside >= rank:
            low = upper_bound(slot - 1) if slot else 0.0
            return low + (bound - low) * max(rank - below, 0.0) / inside
        below += inside
    return bound


def array_of(expression: str) -> str:
    """SQL of an array with one element per slot: `expression` with the slot for `{slot}` and its place for `{at}`."""
    return "ARRAY[" + ", ".join(expression.format(slot=slot, at=slot + 1) for slot in range(SLOTS)) + "]"
