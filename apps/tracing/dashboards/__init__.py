"""Pages of charts: what a widget is, the built-in page, and what a page hands to the browser."""

from apps.tracing.dashboards.builtin import built_in
from apps.tracing.dashboards.draw import Board, draw
from apps.tracing.dashboards.spec import DashboardSpec, WidgetSpec

__all__ = ["Board", "DashboardSpec", "WidgetSpec", "built_in", "draw"]
