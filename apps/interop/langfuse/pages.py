"""Lists by page number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

from apps.core.exceptions import Invalid
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most

PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
#: Rows of a large list that can be reached by page number; beyond it a time range leads on.
REACHABLE = 10_000

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows of one page, and how many there are in all."""

    rows: Sequence[M]
    page: int
    limit: int
    total: int

    @classmethod
    def of(cls, rows: QuerySet[M], query: Mapping[str, str]) -> "Page[M]":
        """The page that `page` (from 1) and `limit` name; raises Invalid."""
        page, limit = _whole(query, "page", 1), min(_whole(query, "limit", PAGE_SIZE), MAX_PAGE_SIZE)
        total = rows.count()
        return cls(list(rows[(page - 1) * limit : page * limit]), page, limit, total)

    def body(self, data: Sequence[Any]) -> dict[str, Any]:
        """The answer with these rows."""
        return {"data": data, "meta": self.meta()}

    def meta(self) -> dict[str, int]:
        """What an answer says of the page."""
        pages = -(-self.total // self.limit)
        return {"page": self.page, "limit": self.limit, "totalItems": self.total, "totalPages": pages}


class BoundedPage(Page[M]):
    """A page of a list that may be long: what it costs has a limit, and the count stops at REACHABLE."""

    @classmethod
    def of(cls, rows: QuerySet[M], query: Mapping[str, str]) -> "BoundedPage[M]":
        """The page that `page` and `limit` name; raises Invalid, SearchTooSlow."""
        page, limit = _whole(query, "page", 1), limit_of(query, MAX_PAGE_SIZE)
        if page * limit > REACHABLE:
            raise Invalid(
                f"Pages reach {REACHABLE} rows. Choose an earlier end of the time range to read on."
            )
        with at_most(LIST_TIMEOUT_S):
            total = rows.order_by()[:REACHABLE].count()
            return cls(list(rows[(page - 1) * limit : page * limit]), page, limit, total)


def limit_of(query: Mapping[str, str], most: int) -> int:
    """How many rows a query wants, at most `most`; raises Invalid."""
    return min(_whole(query, "limit", PAGE_SIZE), most)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 8) or int(value) < 1:
        raise Invalid(f"`{name}` is a whole number from 1.")
    return int(value)
