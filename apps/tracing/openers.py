"""Other places an observation can be opened in ("Open in playground"): higher apps register theirs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise

from apps.core.actors import Actor
from apps.core.registry import Registry
from apps.tracing.links import Link

if TYPE_CHECKING:
    from apps.tracing.models import Observation

#: The address that opens the observation for this actor, or None where it can't be opened or the actor may not.
Address = Callable[[Actor, "Observation"], str | None]


@dataclass(frozen=True, slots=True)
class Opener:
    """An entry beside the chosen step of the trace page."""

    title: str | Promise
    address: Address


_openers: Registry[Opener] = Registry("tracing openers")


def register(name: str, opener: Opener) -> None:
    """Offer `opener` under a name that no other opener has."""
    _openers.register(name, opener)


def offered(actor: Actor, observation: "Observation") -> list[Link]:
    """Where `actor` can open this observation."""
    links = []
    for _name, opener in _openers:
        address = opener.address(actor, observation)
        if address is not None:
            links.append(Link(title=str(opener.title), url=address))
    return links
