"""One received request."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from apps.tracing.mapping import SpanRecord

#: Says whose request it is, with a database at hand; raises for one that may not store spans.
Authorize = Callable[[], UUID]
#: Reads the request; returns its spans and a sentence for each that can't be read.
Read = Callable[[], tuple[list[SpanRecord], list[str]]]


@dataclass(slots=True)
class Parcel:
    """A request's spans, still packed: they are unpacked by the thread that stores them.

    `size` is what it weighs in the queue, in bytes. `done` gets the sentences of the spans that were refused once the
    others are committed, or the error.
    """

    authorize: Authorize
    read: Read
    size: int
    done: "Future[list[str]]" = field(default_factory=Future)
