"""Who wants to know of stored spans that carry an attribute: higher apps register themselves.

They are told after the spans are stored and before the client is: when that fails the client is asked to send again,
and being told of the same spans twice must change nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.core.registry import Registry
from apps.tracing.mapping import ObservationRow

Told = Callable[[Sequence[ObservationRow]], None]


@dataclass(frozen=True, slots=True)
class Listener:
    """`tell` gets the stored rows that have `attribute`."""

    attribute: str
    tell: Told


_listeners: Registry[Listener] = Registry("tracing stored spans")


def register(name: str, listener: Listener) -> None:
    """Tell `listener` from now on, under a name that no other listener has."""
    _listeners.register(name, listener)


def tell(rows: Sequence[ObservationRow]) -> None:
    """Tell everybody of the rows that concern them; raises what a listener raises."""
    for _name, listener in _listeners:
        concerned = [row for row in rows if row.attributes and listener.attribute in row.attributes]
        if concerned:
            listener.tell(concerned)
