"""Latencies as counts in slots whose bounds grow by a fixed factor: sums of histograms are histograms."""

from collections.abc import Mapping, Sequence
from typing import Final

#: Slots per doubling: a bound is 19 % above the one below it.
PER_DOUBLING: Final = 4
#: The last slot is open: 2^25 ms is nine hours.
LAST_SLOT: Final = 100
#: The slot of a duration in milliseconds in SQL; slot 0 is up to one millisecond.
SLOT_SQL: Final = (
    "CASE WHEN %(ms)s <= 1 THEN 0 "
    f"ELSE least(ceil(ln(%(ms)s) / ln(2) * {PER_DOUBLING}), {LAST_SLOT}) END::smallint"
)


def upper_bound(slot: int) -> float:
    """The longest duration of a slot, in milliseconds."""
    return float(2 ** (slot / PER_DOUBLING))


def quantiles(counts: Mapping[int, int], shares: Sequence[float]) -> list[float | None]:
    """The durations below which these shares of the values lie, evenly spread within a slot; None without values."""
    total = sum(counts.values())
    if not total:
        return [None] * len(shares)
    return [_quantile(counts, share * total) for share in shares]


def _quantile(counts: Mapping[int, int], rank: float) -> float:
    below = 0
    for slot in sorted(counts):
        inside = counts[slot]
        if below + inside >= rank:
            low = upper_bound(slot - 1) if slot else 0.0
            return low + (upper_bound(slot) - low) * max(rank - below, 0.0) / inside
        below += inside
    return upper_bound(max(counts))
