"""What an action is done to: rows chosen one by one, or everything that matches the filters of a list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.exceptions import NotFound
from apps.core.models import User, Workspace
from apps.tracing.exceptions import InvalidSelection
from apps.tracing.explorer import LISTS, OBSERVATIONS, Condition, Field, Kind, ListKind, Search
from apps.tracing.models import Score, Trace

#: Rows that can be chosen one by one.
MAX_CHOSEN: Final = 200
MAX_TEXT: Final = 200
MAX_CONDITIONS: Final = 20

_SCORE_FIELDS = (
    Field("name", gettext_lazy("Name"), Kind.TEXT, "name"),
    Field("value", gettext_lazy("Value"), Kind.NUMBER, "value"),
    Field("string_value", gettext_lazy("Text value"), Kind.TEXT, "string_value"),
    Field("data_type", gettext_lazy("Type"), Kind.TEXT, "data_type"),
    Field("source", gettext_lazy("Source"), Kind.TEXT, "source"),
    Field("comment", gettext_lazy("Comment"), Kind.TEXT, "comment"),
    Field("trace_id", gettext_lazy("Trace id"), Kind.TEXT, "trace_id"),
    Field("observation_id", gettext_lazy("Observation id"), Kind.TEXT, "observation_id"),
    Field("session_id", gettext_lazy("Session"), Kind.TEXT, "session_id"),
    Field("dataset_run_id", gettext_lazy("Dataset run"), Kind.TEXT, "dataset_run_id"),
    Field("environment", gettext_lazy("Environment"), Kind.TEXT, "environment"),
)
#: Scores are no list of the explorer, but can be filtered and exported like one; their time is when they were given.
SCORES: Final = ListKind(
    "scores", cast("type[Trace]", Score), ("id",), {field.name: field for field in _SCORE_FIELDS}
)
KINDS: Final = {**LISTS, SCORES.name: SCORES}


@dataclass(frozen=True, slots=True)
class Selected:
    """A chosen trace, or one observation of it."""

    trace: Trace
    observation_id: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of a list: those of `chosen` when there are any, else all that `search` finds.

    A chosen row is named by its trace id, a step by `trace id:span id`.
    """

    search: Search
    chosen: tuple[str, ...] = ()

    @classmethod
    def of_trace(cls, trace: Trace, observation_id: str = "") -> "Selection":
        """One trace, or one step of it."""
        kind = LISTS["observations" if observation_id else "traces"]
        key = f"{trace.trace_id}:{observation_id}" if observation_id else trace.trace_id
        return cls(Search(kind, trace.start_time, trace.end_time), (key,))

    @property
    def kind(self) -> ListKind:
        """The list."""
        return self.search.kind

    def fixed(self) -> "Selection":
        """The same with its time range written out, so that it stays the same while work goes on."""
        start, end = self.search.bounds()
        search = Search(self.kind, start, end, self.search.text, self.search.conditions)
        return Selection(search, self.chosen)

    def to_json(self) -> dict[str, Any]:
        """The form that jobs, exports and audit entries keep; empty parts are left out."""
        start, end = self.search.bounds()
        values = {
            "list": self.kind.name,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "text": self.search.text,
            "conditions": [condition.encode() for condition in self.search.conditions],
            "chosen": list(self.chosen),
        }
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Selection":
        """What `to_json` wrote; raises InvalidSelection for anything else, since nothing may widen silently."""
        kind = KINDS.get(str(values.get("list", "")))
        if kind is None:
            raise InvalidSelection(_("There is no such list."))
        search = Search(
            kind,
            _moment(values.get("start")),
            _moment(values.get("end")),
            str(values.get("text", "")).replace("\0", "")[:MAX_TEXT],
            parse_conditions(kind, values.get("conditions", ())),
        )
        return cls(search, tuple(map(str, values.get("chosen", ()))))

    def rows(self, *, user: User | AnonymousUser, workspace: Workspace) -> models.QuerySet[Any]:
        """The rows of the list that belong to it and that `user` may see, in no order."""
        if self.kind is SCORES:
            return _scores(self.search, user, workspace)
        if not self.chosen:
            return self.search.rows(user=user, workspace=workspace)
        keys = [key.partition(":")[::2] for key in self.chosen]
        everything: Any = self.kind.model.objects.in_workspace(workspace).visible_to(user)
        ids = {trace_id for trace_id, _span in keys}
        if self.kind is not OBSERVATIONS:
            return everything.filter(trace_id__in=ids)  # type: ignore[no-any-return]  # a queryset of either model
        traces = Trace.objects.in_workspace(workspace).visible_to(user).filter(trace_id__in=ids)
        span = traces.aggregate(start=models.Min("start_time"), end=models.Max("end_time"))
        if span["start"] is None:
            return everything.none()  # type: ignore[no-any-return]  # same
        found = everything.filter(start_time__gte=span["start"], start_time__lte=span["end"])
        pairs = models.Q(pk__in=[])
        for trace_id, span_id in keys:
            pairs |= models.Q(trace_id=trace_id, span_id=span_id)
        return found.filter(pairs)  # type: ignore[no-any-return]  # same

    def count(self, *, user: User | AnonymousUser, workspace: Workspace, limit: int) -> int:
        """How many rows there are, at most `limit` + 1."""
        name = "trace_id" if self.kind is OBSERVATIONS else "pk"
        return self.rows(user=user, workspace=workspace).order_by().values(name)[: limit + 1].count()


@dataclass(frozen=True, slots=True)
class Order:
    """An order that tells any two rows apart, so that a list can be walked in steps of bounded size."""

    names: tuple[str, ...]
    descending: bool = True

    def of(self, row: Any) -> tuple[Any, ...]:
        """The place of a row: of a model instance, or of a mapping."""
        read = row.__getitem__ if isinstance(row, Mapping) else row.__getattribute__
        return tuple(read(name) for name in self.names)

    def dump(self, row: Any) -> tuple[str, ...]:
        """The place of a row as JSON."""
        return tuple(
            value.isoformat() if isinstance(value, datetime) else str(value) for value in self.of(row)
        )

    def parse(self, model: type[models.Model], place: Sequence[str]) -> tuple[Any, ...]:
        """The place that `dump` wrote, () for none."""
        fields = [model._meta.get_field(name) for name in self.names]
        return tuple(
            field.to_python(value)  # type: ignore[union-attr]  # orders name plain fields
            for field, value in zip(fields, place, strict=False)
        )

    def apply(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows in this order."""
        sign = "-" if self.descending else ""
        return rows.order_by(*(f"{sign}{name}" for name in self.names))

    def after(self, place: Sequence[Any]) -> models.Q:
        """Rows behind a place. The plain comparison of the first name is what the index is entered with."""
        suffix = "lt" if self.descending else "gt"
        tied: models.Q | None = None
        for name, value in reversed(list(zip(self.names, place, strict=True))):
            beyond = models.Q(**{f"{name}__{suffix}": value})
            tied = beyond if tied is None else beyond | (models.Q(**{name: value}) & tied)
        assert tied is not None  # noqa: S101  # an order has names
        return models.Q(**{f"{self.names[0]}__{suffix}e": place[0]}) & tied


def traces_named(
    workspace: Workspace, user: User | AnonymousUser, names: Sequence[Mapping[str, str]]
) -> list[Selected]:
    """Traces and steps by `trace_id` and `observation_id`; raises NotFound when one is not there for `user`."""
    traces = Trace.objects.in_workspace(workspace).visible_to(user)
    by_id = {
        trace.trace_id: trace for trace in traces.filter(trace_id__in={name["trace_id"] for name in names})
    }
    if any(name["trace_id"] not in by_id for name in names):
        raise NotFound(_("At least one of the traces doesn't exist."))
    return [Selected(by_id[name["trace_id"]], name.get("observation_id", "")) for name in names]


def order_of(kind: ListKind) -> Order:
    """The order of a list: newest first."""
    return Order(("timestamp" if kind is SCORES else "start_time", *kind.ties))


def _scores(search: Search, user: User | AnonymousUser, workspace: Workspace) -> models.QuerySet[Any]:
    start, end = search.bounds()
    found: models.QuerySet[Any] = Score.objects.in_workspace(workspace).visible_to(user)
    found = found.filter(timestamp__gte=start, timestamp__lt=end)
    if search.text:
        found = found.filter(models.Q(name__icontains=search.text) | models.Q(comment__icontains=search.text))
    for condition in search.conditions:
        found = found.filter(condition.to_q())
    return found


def parse_conditions(kind: ListKind, texts: Sequence[Any]) -> tuple[Condition, ...]:
    """Conditions in the form of an address; raises InvalidSelection with the first that makes no sense."""
    if len(texts) > MAX_CONDITIONS:
        raise InvalidSelection(_("At most %(limit)d filters can be combined.") % {"limit": MAX_CONDITIONS})
    found = []
    for text in texts:
        condition = Condition.parse(str(text), kind.fields)
        if condition is None:
            raise InvalidSelection(
                _("The filter “%(text)s” makes no sense here.") % {"text": str(text)[:200]}
            )
        found.append(condition)
    return tuple(found)


def walk(
    rows: models.QuerySet[Any], order: Order, *, size: int, after: Sequence[Any] = ()
) -> Iterator[list[Any]]:
    """The rows of a queryset in steps of `size`; each step is a query of its own, entered behind the last one.

    Nothing is kept open between the steps: they may take minutes, and rows may be changed or deleted meanwhile.
    """
    place = tuple(after)
    ordered = order.apply(rows)
    while True:
        step = list((ordered.filter(order.after(place)) if place else ordered)[:size])
        if step:
            yield step
        if len(step) < size:
            return
        place = order.of(step[-1])


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        found = parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidSelection(_("A time needs a date, a time of day and a time zone."))
    return found
