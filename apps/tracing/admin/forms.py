"""The address of a list of the explorer: range, text, conditions and columns."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.tracing.explorer import TRACES, Condition, ListKind, Search

RANGES = {
    "1h": (_("Last hour"), timedelta(hours=1)),
    "24h": (_("Last 24 hours"), timedelta(days=1)),
    "7d": (_("Last 7 days"), timedelta(days=7)),
    "30d": (_("Last 30 days"), timedelta(days=30)),
    "90d": (_("Last 90 days"), timedelta(days=90)),
}
DEFAULT_RANGE = "7d"
CUSTOM_RANGE = "custom"
MAX_CONDITIONS = 20

#: Short names in the addresses that other pages link with, and the condition each is.
_SHORT: Mapping[str, str] = {
    "name": "name:contains:",
    "status": "status:is:",
    "model": "model:{has}:",
    "session": "session_id:is:",
    "user": "user_id:is:",
    "source": "source_type:is:",
    "environment": "environment:is:",
    "tag": "tags:has:",
    "type": "type:is:",
}


class RangeForm(forms.Form):
    """Text and time range of a list."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    range = forms.ChoiceField(
        label=_("Time"),
        required=False,
        choices=[*((key, title) for key, (title, _span) in RANGES.items()), (CUSTOM_RANGE, _("From … to …"))],
    )
    start = forms.DateTimeField(label=_("From"), required=False)
    end = forms.DateTimeField(label=_("To"), required=False)

    def bounds(self) -> tuple[Any, Any]:
        """Start and end; a field that makes no sense narrows nothing."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        if values.get("range") == CUSTOM_RANGE:
            return values.get("start"), values.get("end")
        _title, span = RANGES.get(values.get("range") or DEFAULT_RANGE, RANGES[DEFAULT_RANGE])
        return timezone.now() - span, None


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says, in one canonical form."""

    kind: ListKind
    kept: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]
    columns: tuple[str, ...]
    #: Filters that this list does not know; the page says that it goes without them.
    unread: tuple[str, ...] = ()

    @classmethod
    def read(cls, kind: ListKind, query: QueryDict) -> "Address":
        """The parts of an address that make sense."""
        kept = tuple((name, str(query[name])) for name in ("range", "start", "end", "q") if query.get(name))
        parsed = {text: Condition.parse(text, kind.fields) for text in _texts(kind, query)}
        conditions = tuple(dict.fromkeys(item for item in parsed.values() if item))[:MAX_CONDITIONS]
        columns = tuple(name for name in query.get("columns", "").split(",") if name)
        unread = tuple(text for text, item in parsed.items() if text and item not in conditions)
        return cls(kind, kept, conditions, columns, unread)

    def query(
        self, conditions: Sequence[Condition] | None = None, extra: Iterable[tuple[str, str]] = ()
    ) -> str:
        """The address after the question mark, with other conditions and with `extra` at the end."""
        chosen = self.conditions if conditions is None else conditions
        pairs = [*self.kept, *(("f", item.encode()) for item in chosen)]
        if self.columns:
            pairs.append(("columns", ",".join(self.columns)))
        return urlencode([*pairs, *extra])

    def without(self, condition: Condition) -> str:
        """The address with one condition less."""
        return self.query([item for item in self.conditions if item != condition])

    def with_(self, condition: Condition) -> str:
        """The address with one condition more."""
        return self.query([*self.conditions, condition])

    def search(self, form: RangeForm) -> Search:
        """The search that it stands for."""
        start, end = form.bounds()
        return Search(self.kind, start, end, form.cleaned_data.get("q", ""), self.conditions)


def _texts(kind: ListKind, query: QueryDict) -> list[str]:
    texts = query.getlist("f")
    has = "has" if kind is TRACES else "is"
    for name, start in _SHORT.items():
        if value := query.get(name):
            texts.append(start.format(has=has) + value)
    if query.get("status") == "failed_step":
        texts.append("errors:gte:1")
        texts.remove("status:is:failed_step")
    if seconds := query.get("min_latency"):
        with suppress(ValueError):
            texts.append(f"latency_ms:gte:{float(seconds) * 1000:g}")
    return texts
