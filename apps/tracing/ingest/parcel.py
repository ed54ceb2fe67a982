"""One received request."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from apps.tracing.mapping import SpanRecord

#: Says whose request it is, with a database at hand; raises for one that may not store spans.
Authorize = Callable[[], UUID]


class Received(NamedTuple):
    """What a request holds. The spans may be read while they are stored; `rejected` grows meanwhile.

    `rejected` has a sentence for each span that can't be read, `size` are the bytes of all, unpacked.
    """

    spans: Iterable[SpanRecord]
    rejected: list[str]
    size: int


#: Reads the request; raises when it is none.
Read = Callable[[], Received]


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
