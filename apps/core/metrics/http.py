"""Requests of this process."""

from typing import Final

from apps.core.metrics.instruments import counter, histogram

REQUESTS: Final = counter("http_requests", "Answered requests.", ["method", "route", "status"])
REQUEST_SECONDS: Final = histogram(
    "http_request_seconds", "From the first middleware to the answer.", ["route"]
)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN: Final = "other"


def count_request(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count one. `route` is the pattern, never the path: a label must not have endlessly many values."""
    method = method if method in _METHODS else UNKNOWN
    REQUESTS.labels(method, route or UNKNOWN, str(status)).inc()
    REQUEST_SECONDS.labels(route or UNKNOWN).observe(seconds)
