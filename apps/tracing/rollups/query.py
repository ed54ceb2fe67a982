"""A question to the rollups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.tracing.exceptions import InvalidMetricQuery
from apps.tracing.models import Level, MetricView
from apps.tracing.rollups.catalogue import (
    DIMENSIONS,
    METRICS,
    METRICS_OF_PEOPLE,
    OPERATORS,
    PEOPLE,
    TAG,
    WITH_TAGS,
)
from apps.tracing.rollups.timerange import TimeRange

MAX_METRICS: Final = 8
MAX_FILTERS: Final = 10
MAX_LIMIT: Final = 100
MAX_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A dimension compared with a value; `in` takes several, with commas between them."""

    field: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "MetricFilter":
        """The filter `field:operator:value` of an address; raises InvalidMetricQuery."""
        field, first, rest = text.partition(":")
        operator, second, value = rest.partition(":")
        if not first or not second:
            raise InvalidMetricQuery(_("A filter is written field:operator:value, such as model:is:gpt-5."))
        return cls(field, operator, value)

    @classmethod
    def read(cls, value: Any) -> "MetricFilter":
        """The filter of a JSON object; raises InvalidMetricQuery."""
        if not isinstance(value, Mapping) or not all(
            isinstance(value.get(name), str) for name in ("field", "operator", "value")
        ):
            raise InvalidMetricQuery(_("A filter has the texts field, operator and value."))
        return cls(value["field"], value["operator"], value["value"])

    def encode(self) -> str:
        """The form of `parse`."""
        return f"{self.field}:{self.operator}:{self.value}"

    def as_json(self) -> dict[str, str]:
        """The form of `read`."""
        return {"field": self.field, "operator": self.operator, "value": self.value}

    @property
    def values(self) -> list[str]:
        """What is compared with."""
        if self.operator != "in":
            return [self.value]
        return [part.strip() for part in self.value.split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Metrics of what `view` counts, by a dimension ("": all together), with all filters met.

    With a dimension, the `limit` values with the most of the first metric are told apart, the others are one.
    """

    view: str
    metrics: tuple[str, ...]
    dimension: str = ""
    filters: tuple[MetricFilter, ...] = ()
    limit: int = 10

    def check(self) -> "MetricQuery":
        """The query itself; raises InvalidMetricQuery for what nobody can answer."""
        if self.view not in MetricView.values:
            raise InvalidMetricQuery(_("There are figures of traces, observations and scores."))
        if not 1 <= len(self.metrics) <= MAX_METRICS or len(set(self.metrics)) < len(self.metrics):
            raise InvalidMetricQuery(_("Ask for 1 to %(limit)d different metrics.") % {"limit": MAX_METRICS})
        for metric in self.metrics:
            _known(metric, METRICS[self.view], _("There is no metric “%(name)s” here; there are: %(known)s."))
        names = [self.dimension, *(item.field for item in self.filters)]
        for name in filter(None, names):
            _known(
                name, DIMENSIONS[self.view], _("There is no dimension “%(name)s” here; there are: %(known)s.")
            )
        self._check_filters()
        self._check_tags()
        self._check_people(set(names) - {""})
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidMetricQuery(_("The limit lies between 1 and %(limit)d.") % {"limit": MAX_LIMIT})
        return self

    def _check_filters(self) -> None:
        if len(self.filters) > MAX_FILTERS:
            raise InvalidMetricQuery(_("At most %(limit)d filters can be set.") % {"limit": MAX_FILTERS})
        for item in self.filters:
            _known(item.operator, OPERATORS, _("There is no comparison “%(name)s”; there are: %(known)s."))
            if not item.values or not item.value or len(item.value) > MAX_VALUE or "\0" in item.value:
                raise InvalidMetricQuery(
                    _("A filter needs a value of at most %(limit)d characters.") % {"limit": MAX_VALUE}
                )

    def _check_tags(self) -> None:
        """Sums by tag can't be added up: what has two of the tags would count twice."""
        if not self.tagged:
            return
        if tag_level(self) is None and not self.people:
            raise InvalidMetricQuery(
                _("With tags, type and model can't be combined with trace, agent, workflow or prompt.")
            )
        found = [item for item in self.filters if item.field == TAG]
        several = len(found) > 1 or any(item.operator == "contains" or len(item.values) > 1 for item in found)
        if self.dimension != TAG and several:
            raise InvalidMetricQuery(
                _(
                    "Figures can be filtered by one tag: it is, or it is not. By tag they can be told apart by several."
                )
            )

    def _check_people(self, names: set[str]) -> None:
        people = names & set(PEOPLE)
        if not people:
            return
        if len(names) > 1:
            raise InvalidMetricQuery(
                _("Figures of users and sessions can't be combined with other dimensions.")
            )
        refused = sorted(set(self.metrics) - METRICS_OF_PEOPLE)
        if refused:
            known = ", ".join(sorted(METRICS_OF_PEOPLE))
            raise InvalidMetricQuery(_("Of users and sessions there are: %(known)s.") % {"known": known})

    @property
    def people(self) -> str:
        """ "user" or "session" when it asks about them."""
        names = {self.dimension, *(item.field for item in self.filters)}
        return next((name for name in PEOPLE if name in names), "")

    @property
    def tagged(self) -> bool:
        """Whether it asks about tags."""
        return self.dimension == TAG or any(item.field == TAG for item in self.filters)

    @property
    def without_tag(self) -> MetricFilter | None:
        """The filter that leaves out what has a tag; what is told apart by tag leaves out the tag itself."""
        if self.dimension == TAG:
            return None
        return next((item for item in self.filters if item.field == TAG and item.operator == "not"), None)

    def with_filters(self, extra: Iterable[MetricFilter]) -> "MetricQuery":
        """The query narrowed further by what it can be narrowed by; a tag of its own stays the only one."""
        if self.people:
            return self
        narrowed = self
        for item in extra:
            wider = replace(narrowed, filters=(*narrowed.filters, item))
            fits = item.field in DIMENSIONS[self.view] and (not wider.tagged or tag_level(wider) is not None)
            if fits and not (item.field == TAG and self.tagged and self.dimension != TAG):
                narrowed = wider
        return narrowed

    def shape(self) -> "MetricQuery":
        """The query without its metrics, but for the first where values are ranked by it: it is asked once."""
        return replace(self, metrics=self.metrics[:1] if self.dimension else ())


@dataclass(frozen=True, slots=True)
class Question:
    """A query and the time that it is about."""

    query: MetricQuery
    range: TimeRange

    def __post_init__(self) -> None:
        if self.query.people:
            object.__setattr__(self, "range", self.range.coarse())


def tag_level(query: MetricQuery) -> Level | None:
    """The coarsest rows of tags that know all that a query names; None: there are none."""
    named = {query.dimension, *(item.field for item in query.filters)} - {"", TAG}
    return next((level for level, known in WITH_TAGS.items() if named <= known), None)


def _known(name: str, known: Iterable[str], sentence: str) -> None:
    if name not in known:
        raise InvalidMetricQuery(sentence % {"name": name[:100], "known": ", ".join(known)})
