"""Which sources of traces are agents and workflows: higher apps say so, tracing does not know them."""

from apps.core.registry import Registry
from apps.tracing.models import Owner

_owners: Registry[Owner] = Registry("tracing owners")


def register(source_type: str, owner: Owner) -> None:
    """Traces with this source ("agents.message") are the agent's, or the workflow's, whose name they have."""
    _owners.register(source_type, owner)


def sources_of(owner: Owner) -> list[str]:
    """The source types of an owner."""
    return sorted(source_type for source_type, kind in _owners if kind == owner)
