"""The kinds of figures that processes count."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

#: Bounds of durations, in seconds: from a cached page to a long answer of a model.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Something that only grows; `flywheel_` is put before the name."""
    return Counter(f"flywheel_{name}", text, labels)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Something that comes and goes; living processes are added up."""
    return Gauge(f"flywheel_{name}", text, labels, multiprocess_mode="livesum")


def histogram(
    name: str, text: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS
) -> Histogram:
    """How values are spread."""
    return Histogram(f"flywheel_{name}", text, labels, buckets=bounds)
