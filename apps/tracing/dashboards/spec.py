"""Dashboards and widgets as plain values: what forms, the API and files hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.tracing.exceptions import InvalidDashboard
from apps.tracing.models import Chart, Dashboard, Widget
from apps.tracing.models.widget import COLUMNS, MAX_HEIGHT
from apps.tracing.rollups import MetricFilter, MetricQuery
from apps.tracing.rollups.catalogue import METRICS

MAX_WIDGETS: Final = 40
MAX_NAME: Final = 100
MAX_DESCRIPTION: Final = 2_000
#: The form of exported files.
FORMAT: Final = "flywheel/dashboard/v1"
#: Charts whose values stand on one axis.
_ON_AN_AXIS: Final = frozenset({Chart.LINE, Chart.STACKED, Chart.BAR})
_BY_VALUE: Final = frozenset({Chart.BAR})


def check_size(width: int, height: int) -> None:
    """Raise InvalidDashboard for a widget larger than the grid, or smaller than one of its fields."""
    if not (1 <= width <= COLUMNS and 1 <= height <= MAX_HEIGHT):
        raise InvalidDashboard(
            _("A widget is 1 to %(width)d columns wide and 1 to %(height)d rows high.")
            % {"width": COLUMNS, "height": MAX_HEIGHT}
        )


@dataclass(frozen=True, slots=True)
class WidgetSpec:
    """A title, a question, and how the answer is drawn on how many columns and rows of the grid."""

    title: str
    chart: str
    query: MetricQuery
    width: int = 6
    height: int = 2

    def check(self) -> "WidgetSpec":
        """The widget itself; raises InvalidDashboard or InvalidMetricQuery."""
        query = self.query.check()
        if not self.title.strip() or len(self.title) > MAX_NAME or "\0" in self.title:
            raise InvalidDashboard(
                _("A widget needs a title of at most %(limit)d characters.") % {"limit": MAX_NAME}
            )
        if self.chart not in Chart.values:
            raise InvalidDashboard(
                _("There are these charts: %(known)s.") % {"known": ", ".join(Chart.values)}
            )
        check_size(self.width, self.height)
        self._check_axis(query)
        return self

    def _check_axis(self, query: MetricQuery) -> None:
        if self.chart in _BY_VALUE and not query.dimension:
            raise InvalidDashboard(_("Bars by value need something to tell the values by."))
        if self.chart == Chart.NUMBER and query.dimension:
            raise InvalidDashboard(_("A number stands for all values together."))
        if self.chart == Chart.HISTOGRAM and (
            query.dimension or len(query.metrics) != 1 or query.metrics[0][:4] not in {"late", "ttft"}
        ):
            raise InvalidDashboard(
                _("A distribution shows one metric of latency or first token, of all values.")
            )
        if self.chart in _ON_AN_AXIS:
            if query.dimension and len(query.metrics) > 1:
                raise InvalidDashboard(_("A chart by value shows one metric; a table shows several."))
            if len({METRICS[query.view][metric].unit for metric in query.metrics}) > 1:
                raise InvalidDashboard(_("The metrics of one chart have one unit."))

    @classmethod
    def of(cls, widget: Widget) -> "WidgetSpec":
        """The values of a stored widget."""
        query = MetricQuery(
            widget.view,
            tuple(widget.metrics),
            widget.dimension,
            tuple(MetricFilter.read(item) for item in widget.filters),
            widget.limit,
        )
        return cls(widget.title, widget.chart, query, widget.width, widget.height)

    @classmethod
    def read(cls, value: Any) -> "WidgetSpec":
        """The widget of a JSON object, checked; raises InvalidDashboard or InvalidMetricQuery."""
        if not isinstance(value, Mapping):
            raise InvalidDashboard(_("A widget is an object."))
        metrics, filters = value.get("metrics"), value.get("filters", [])
        if not isinstance(metrics, list) or not isinstance(filters, list):
            raise InvalidDashboard(_("A widget has lists of metrics and filters."))
        query = MetricQuery(
            _text(value, "view"),
            tuple(map(str, metrics)),
            _text(value, "dimension"),
            tuple(MetricFilter.read(item) for item in filters),
            _number(value, "limit", 8),
        )
        spec = cls(
            _text(value, "title").strip(), _text(value, "chart"), query, _number(value, "width", 6),
            _number(value, "height", 2),
        )  # fmt: skip
        return spec.check()

    def as_json(self) -> dict[str, Any]:
        """The form of `read`."""
        query = self.query
        return {
            "title": self.title,
            "chart": self.chart,
            "view": query.view,
            "metrics": list(query.metrics),
            "dimension": query.dimension,
            "filters": [item.as_json() for item in query.filters],
            "limit": query.limit,
            "width": self.width,
            "height": self.height,
        }

    def apply(self, widget: Widget) -> None:
        """Put the values on a row."""
        for name, value in self.as_json().items():
            setattr(widget, name, value)


@dataclass(frozen=True, slots=True)
class DashboardSpec:
    """A dashboard with its widgets, in order."""

    name: str
    description: str = ""
    shared: bool = True
    widgets: tuple[WidgetSpec, ...] = ()

    def check(self) -> "DashboardSpec":
        """The dashboard itself; raises InvalidDashboard or InvalidMetricQuery."""
        if not self.name.strip() or len(self.name) > MAX_NAME or "\0" in self.name + self.description:
            raise InvalidDashboard(
                _("A dashboard needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME}
            )
        if len(self.description) > MAX_DESCRIPTION:
            raise InvalidDashboard(
                _("The description has at most %(limit)d characters.") % {"limit": MAX_DESCRIPTION}
            )
        if len(self.widgets) > MAX_WIDGETS:
            raise InvalidDashboard(_("A dashboard has at most %(limit)d widgets.") % {"limit": MAX_WIDGETS})
        for widget in self.widgets:
            widget.check()
        return self

    @classmethod
    def of(cls, dashboard: Dashboard, widgets: Sequence[Widget]) -> "DashboardSpec":
        """The values of a stored dashboard."""
        return cls(
            dashboard.name,
            dashboard.description,
            dashboard.shared,
            tuple(WidgetSpec.of(item) for item in widgets),
        )

    @classmethod
    def read(cls, value: Any) -> "DashboardSpec":
        """The dashboard of an exported file; raises InvalidDashboard or InvalidMetricQuery."""
        if not isinstance(value, Mapping) or value.get("format") != FORMAT:
            raise InvalidDashboard(
                _("This is no exported dashboard: its format is not %(format)s.") % {"format": FORMAT}
            )
        widgets = value.get("widgets", [])
        if not isinstance(widgets, list):
            raise InvalidDashboard(_("The widgets are a list."))
        spec = cls(
            _text(value, "name").strip(),
            _text(value, "description"),
            bool(value.get("shared", True)),
            tuple(WidgetSpec.read(item) for item in widgets[: MAX_WIDGETS + 1]),
        )
        return spec.check()

    def as_json(self) -> dict[str, Any]:
        """The form of `read`."""
        return {
            "format": FORMAT,
            "name": self.name,
            "description": self.description,
            "shared": self.shared,
            "widgets": [item.as_json() for item in self.widgets],
        }


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise InvalidDashboard(_("“%(name)s” is a text.") % {"name": name})
    return found


def _number(value: Mapping[str, Any], name: str, default: int) -> int:
    found = value.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise InvalidDashboard(_("“%(name)s” is a whole number.") % {"name": name})
    return found
