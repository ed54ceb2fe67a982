"""The two lists of the explorer, their pages and what is counted beside them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import connection, models
from django.utils import timezone

from apps.core.models import User, Workspace
from apps.tracing import terms
from apps.tracing.explorer import keyset, steps
from apps.tracing.explorer.bounded import FACETS_TIMEOUT_S, LIST_TIMEOUT_S, at_most
from apps.tracing.explorer.condition import Condition
from apps.tracing.explorer.fields import OBSERVATION_FIELDS, TRACE_FIELDS, Field, Kind
from apps.tracing.explorer.hints import Hint, hint
from apps.tracing.explorer.known import known_values
from apps.tracing.models import Observation, Trace
from apps.tracing.writer.coverage import Coverage, read_coverage

DEFAULT_RANGE: Final = timedelta(days=7)
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=10)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=10)
PAGE_SIZE: Final = 50
#: Facets are counted over the newest so many rows that match.
FACET_SAMPLE: Final = 5_000
FACET_VALUES: Final = 12
#: A field of the trace that observations are filtered by.
_OF_TRACE: Final = "trace."


@dataclass(frozen=True, slots=True)
class ListKind:
    """A list: its rows, what tells rows of one moment apart, its fields by name."""

    name: str
    model: type[Trace] | type[Observation]
    ties: tuple[str, ...]
    fields: Mapping[str, Field]
    #: What a list does not show.
    deferred: tuple[str, ...] = ()
    #: What its search index holds.
    index: terms.Index = field(default_factory=partial(terms.Index, {}))


def _by_name(fields: Sequence[Field]) -> dict[str, Field]:
    return {field.name: field for field in fields}


TRACES: Final = ListKind("traces", Trace, ("id",), _by_name(TRACE_FIELDS), index=terms.TRACES)
OBSERVATIONS: Final = ListKind(
    "observations",
    Observation,
    ("trace_id", "span_id"),
    _by_name(OBSERVATION_FIELDS),
    ("attributes", "metadata", "usage"),
    terms.OBSERVATIONS,
)
LISTS: Final = {kind.name: kind for kind in (TRACES, OBSERVATIONS)}


@dataclass(frozen=True, slots=True)
class Search:
    """What a list is narrowed to. There is always a time range: by default the last seven days."""

    kind: ListKind
    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    conditions: tuple[Condition, ...] = ()

    def bounds(self) -> tuple[datetime, datetime]:
        """The time range, `end` excluded."""
        now = timezone.now()
        end = _possible(self.end or now + timedelta(days=1))
        return _possible(self.start or min(end, now) - DEFAULT_RANGE), end

    def everything(self, *, user: User | AnonymousUser, workspace: Workspace) -> Any:
        """What `user` may see of the time range, whatever else is asked for."""
        start, end = self.bounds()
        rows: Any = self.kind.model.objects.in_workspace(workspace).visible_to(user)
        return rows.filter(start_time__gte=start, start_time__lt=end)

    def hints(self, *, user: User | AnonymousUser, workspace: Workspace) -> list[Hint]:
        """What the search indexes know of the conditions, which say the same and more."""
        return [
            hint(condition, self.kind.index, workspace.pk, self._known(condition, user, workspace))
            for condition in self.conditions
        ]

    def _known(
        self, condition: Condition, user: User | AnonymousUser, workspace: Workspace
    ) -> list[str] | None:
        start, end = self.bounds()
        of_trace = condition.field.path.startswith(_OF_TRACE)
        # what is said of a trace, one of its steps has said, and that may have begun long before or after another one
        return known_values(
            condition,
            user=user,
            workspace=workspace,
            start=None if of_trace else start,
            end=end if self.kind is OBSERVATIONS and not of_trace else None,
        )

    def fetch(
        self,
        ordered: models.QuerySet[Any],
        limit: int,
        place: keyset.Cursor | None = None,
        *,
        user: User | AnonymousUser,
        workspace: Workspace,
        hints: Sequence[Hint],
        patience_s: float = steps.ENOUGH_S,
    ) -> steps.Found:
        """The first `limit` of the ordered rows that match, as far as so many seconds go."""
        if not self.conditions and not self.text:
            return steps.Found(list(ordered[:limit]))
        if any(each.nothing for each in hints):
            return steps.Found([])
        start, end = self.bounds()
        newer = place is not None and place.newer
        if place is not None and newer:
            start = max(start, _possible(place.start_time))
        elif place is not None:
            end = min(end, _possible(place.start_time) + timedelta(microseconds=1))
        return steps.read(
            ordered,
            limit,
            where=steps.Range(start, end, newer),
            source=steps.Source(
                everything=self.everything(user=user, workspace=workspace),
                hinted=self._hinted(hints, user=user, workspace=workspace),
                exact=all(each.exact for each in hints),
                coverage=_coverage if self.kind is OBSERVATIONS else Coverage,
            ),
            patience_s=patience_s,
        )

    def rows(
        self, *, user: User | AnonymousUser, workspace: Workspace, hints: Sequence[Hint] | None = None
    ) -> models.QuerySet[Any]:
        """The rows that match and that `user` may see, in no order; `hints` where they are known already."""
        found = self.everything(user=user, workspace=workspace)
        if hints is None:
            hints = self.hints(user=user, workspace=workspace)
        if any(each.nothing for each in hints):
            return found.none()  # type: ignore[no-any-return]  # a queryset of either model
        if self.text:
            found = found.with_text(self.text)
        if self.kind is OBSERVATIONS:
            found = self._with_traces(found.with_duration(), hints, workspace)
        for each in self._own(hints):
            if each.where is not None:
                found = found.filter(each.where)
            found = found.filter(each.condition.to_q())
        return found  # type: ignore[no-any-return]  # same

    def _hinted(
        self, hints: Sequence[Hint], *, user: User | AnonymousUser, workspace: Workspace
    ) -> models.QuerySet[Any] | None:
        """The rows that the search indexes name; None when they know nothing of the conditions."""
        known = [each for each in hints if each.where is not None]
        if not known and not self.text:
            return None
        found = self.everything(user=user, workspace=workspace)
        if self.text:
            found = found.with_text(self.text)
        for each in self._own(known):
            found = found.filter(each.where)
        if self.kind is OBSERVATIONS:
            found = self._with_traces(found, known, workspace)
        return found  # type: ignore[no-any-return]  # same

    def _own(self, hints: Sequence[Hint]) -> list[Hint]:
        """Those about the rows themselves."""
        return [each for each in hints if not each.condition.field.path.startswith(_OF_TRACE)]

    def _with_traces(self, rows: Any, hints: Sequence[Hint], workspace: Workspace) -> Any:
        """Observations whose traces meet the conditions on these."""
        of_trace = [each for each in hints if each not in self._own(hints)]
        if not of_trace:
            return rows
        # a trace begins before its steps and may have begun before the range
        start, end = self.bounds()
        traces: Any = Trace.objects.in_workspace(workspace).filter(end_time__gte=start, start_time__lt=end)
        for each in of_trace:
            # users and sessions are named one by one: the condition would say nothing more, and mislead the planner
            condition = each.condition.to_q(each.condition.field.path.removeprefix(_OF_TRACE))
            traces = traces.filter(condition if each.where is None else each.where)
        return rows.filter(trace_id__in=traces.values("trace_id"))


def _possible(moment: datetime) -> datetime:
    """The moment, or the nearest one that has a day before and after it in every time zone."""
    return min(max(moment, _FIRST), _LAST)


def _coverage() -> Coverage:
    with connection.cursor() as cursor:
        return read_coverage(cursor)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the cursors to the next newer and older page where there is one.

    `stopped` is the moment that the search came to when it took too long to fill the page, `further` the cursor
    that goes on from there.
    """

    rows: list[Any]
    newer: str
    older: str
    stopped: datetime | None = None
    further: str = ""


def read_page(
    search: Search,
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    cursor: str = "",
    size: int = PAGE_SIZE,
    patience_s: float = steps.ENOUGH_S,
) -> Page:
    """A page of what `user` may see, newest first, as far as it is found within so many seconds.

    Raises InvalidCursor, SearchTooSlow.
    """
    kind = search.kind
    hints = search.hints(user=user, workspace=workspace)
    found = search.rows(user=user, workspace=workspace, hints=hints).defer(*kind.deferred)
    with at_most(LIST_TIMEOUT_S):
        fetch = partial(search.fetch, user=user, workspace=workspace, hints=hints, patience_s=patience_s)
        window = keyset.read(found, ties=kind.ties, cursor=cursor, size=size, fetch=fetch)
    return Page(window.rows, window.newer, window.older, window.stopped, window.further)


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field, with the condition that each stands for."""

    field: Field
    values: list[tuple[str, int, Condition]]


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over the newest `sampled` matching rows; `complete` when these are all of them."""

    facets: list[Facet]
    sampled: int
    complete: bool


def count_facets(search: Search, *, user: User | AnonymousUser, workspace: Workspace) -> Facets:
    """Values of the facet fields among the newest FACET_SAMPLE rows. Raises SearchTooSlow."""
    fields = [field for field in search.kind.fields.values() if field.facet]
    hints = search.hints(user=user, workspace=workspace)
    newest = search.rows(user=user, workspace=workspace, hints=hints).order_by("-start_time")
    with at_most(FACETS_TIMEOUT_S):
        values = newest.values_list(*(field.path for field in fields))
        found = search.fetch(values, FACET_SAMPLE + 1, user=user, workspace=workspace, hints=hints)
    sample = found.rows[:FACET_SAMPLE]
    columns = list(zip(*sample, strict=True)) or [() for _ in fields]
    facets = [_facet(field, column) for field, column in zip(fields, columns, strict=True)]
    complete = len(found.rows) <= FACET_SAMPLE and found.stopped is None
    return Facets([facet for facet in facets if facet.values], len(sample), complete)


def _facet(field: Field, column: Sequence[Any]) -> Facet:
    if field.kind is Kind.LIST:
        counted = Counter(item for items in column for item in items)
        operator = "has"
    else:
        counted, operator = Counter(column), "is"
    counted.pop("", None)
    common = counted.most_common(FACET_VALUES)
    return Facet(field, [(value, number, Condition(field, operator, value)) for value, number in common])
