"""Token counts as buckets that exclude each other, so that nothing is counted or paid twice."""

from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import WRAPPERS

_INPUT_BUCKETS = ("input", "prompt", "cache_read", "cache_creation", "cache_write")
_OUTPUT_BUCKETS = ("output", "completion", "reasoning")


def set_usage(values: dict[str, Any]) -> None:
    """Turn the counts found in `values` into `usage`; `input_tokens` and `output_tokens` keep the sums."""
    cached = values.pop("cached_tokens", 0)
    created = values.pop("cache_creation_tokens", 0)
    reasoning = values.pop("reasoning_tokens", 0)
    details = values.pop("usage_details", None)
    if values["type"] in WRAPPERS:
        for name in ("input_tokens", "output_tokens", "cost"):
            values.pop(name, None)
        return
    if details is not None:
        _take_buckets(values, details)
        return
    if (
        "input_tokens" not in values
        and "output_tokens" not in values
        and not cached
        and not created
        and not reasoning
    ):
        return
    buckets = {
        "input": max(values.get("input_tokens", 0) - cached - created, 0),
        "input_cached_tokens": cached,
        "input_cache_creation": created,
        "output": max(values.get("output_tokens", 0) - reasoning, 0),
        "output_reasoning_tokens": reasoning,
    }
    values["usage"] = {name: count for name, count in buckets.items() if count} or None


def _take_buckets(values: dict[str, Any], details: dict[str, object]) -> None:
    """Buckets as somebody counted them: they exclude each other already."""
    buckets = {name: count for name, value in details.items() if (count := clean.tokens(value)) is not None}
    total = buckets.pop("total", None)
    values["usage"] = buckets or None
    values["input_tokens"] = _sum(buckets, _INPUT_BUCKETS)
    values["output_tokens"] = _sum(buckets, _OUTPUT_BUCKETS)
    if not buckets and total is not None:
        values["input_tokens"] = total


def _sum(buckets: dict[str, int], starts: tuple[str, ...]) -> int | None:
    counts = [count for name, count in buckets.items() if name.startswith(starts)]
    return min(sum(counts), clean.MAX_TOKENS) if counts else None
