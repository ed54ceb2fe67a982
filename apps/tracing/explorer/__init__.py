"""Finding traces and observations: typed conditions, keyset pages, facets."""

from apps.tracing.explorer.condition import Condition
from apps.tracing.explorer.fields import Field, Kind
from apps.tracing.explorer.lists import (
    LISTS,
    OBSERVATIONS,
    TRACES,
    Facet,
    Facets,
    ListKind,
    Page,
    Search,
    count_facets,
    read_page,
)

__all__ = [
    "LISTS",
    "OBSERVATIONS",
    "TRACES",
    "Condition",
    "Facet",
    "Facets",
    "Field",
    "Kind",
    "ListKind",
    "Page",
    "Search",
    "count_facets",
    "read_page",
]
