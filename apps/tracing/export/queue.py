"""Finished spans between the threads that end them and the one that stores them."""

import threading
from collections import deque

from opentelemetry.sdk.trace import ReadableSpan

from apps.tracing.attributes import INPUT, OUTPUT


class SpanQueue:
    """A bounded queue, by number and by the size of the contents it holds on to."""

    def __init__(self, max_spans: int, max_chars: int) -> None:
        self._max_spans = max_spans
        self._max_chars = max_chars
        self._spans: deque[ReadableSpan] = deque()
        self._chars = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._spans)

    def put(self, span: ReadableSpan) -> bool:
        """Add a span; False when there is no room for it."""
        size = weight(span)
        with self._lock:
            full = len(self._spans) >= self._max_spans or self._chars + size > self._max_chars
            if full and self._spans:
                return False
            self._spans.append(span)
            self._chars += size
        return True

    def take(self, count: int) -> list[ReadableSpan]:
        """Remove and return up to `count` spans, oldest first."""
        with self._lock:
            taken = [self._spans.popleft() for _ in range(min(count, len(self._spans)))]
            self._chars -= sum(map(weight, taken))
        return taken


def weight(span: ReadableSpan) -> int:
    """Characters of the two values that can be large."""
    attributes = span.attributes or {}
    return sum(len(value) for name in (INPUT, OUTPUT) if isinstance(value := attributes.get(name), str))
