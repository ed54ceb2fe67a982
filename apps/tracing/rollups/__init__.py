"""Figures for dashboards, added up while spans arrive so that no page has to."""

from apps.tracing.rollups.histogram import quantiles
from apps.tracing.rollups.read import (
    Dashboard,
    DashboardFilter,
    Group,
    Point,
    UserFigures,
    read_dashboard,
)

__all__ = ["Dashboard", "DashboardFilter", "Group", "Point", "UserFigures", "quantiles", "read_dashboard"]
