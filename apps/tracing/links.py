"""From a trace back to what it is a trace of: higher apps register how to find it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from apps.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Link:
    """A named address."""

    title: str
    url: str


Resolver = Callable[[UUID], Link | None]

_resolvers: Registry[Resolver] = Registry("tracing links")


def register(source_type: str, resolver: Resolver) -> None:
    """Let `resolver` turn the ids of sources of this type ("agents.message") into links."""
    _resolvers.register(source_type, resolver)


def resolve(source_type: str, source_id: str) -> Link | None:
    """The link to a source, or None when nobody knows it or it is gone."""
    resolver = _resolvers.get(source_type)
    if resolver is None:
        return None
    try:
        return resolver(UUID(source_id))
    except ValueError:
        return None


def source_types() -> list[str]:
    """Types of sources somebody can link to."""
    return [source_type for source_type, _resolver in _resolvers]
