"""Writes on the widgets of a dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Conflict
from apps.tracing.dashboards import WidgetSpec
from apps.tracing.dashboards.spec import MAX_WIDGETS, check_size
from apps.tracing.exceptions import InvalidDashboard
from apps.tracing.models import Dashboard, Widget
from apps.tracing.services.dashboard import require_change


@dataclass(frozen=True, slots=True)
class Place:
    """The size of a widget; its position is its place among the others."""

    id: UUID
    width: int
    height: int


@transaction.atomic
def add_widget(*, actor: Actor, dashboard: Dashboard, spec: WidgetSpec) -> Widget:
    """Put a widget at the end. Raises InvalidDashboard, InvalidMetricQuery."""
    require_change(actor, dashboard)
    spec.check()
    # widgets are added one after the other, or two would have one position
    Dashboard.objects.select_for_update().get(pk=dashboard.pk)
    positions = list(dashboard.widgets.values_list("position", flat=True))
    if len(positions) >= MAX_WIDGETS:
        raise InvalidDashboard(_("A dashboard has at most %(limit)d widgets.") % {"limit": MAX_WIDGETS})
    widget = Widget(
        workspace=dashboard.workspace, dashboard=dashboard, position=max(positions, default=-1) + 1
    )
    spec.apply(widget)
    widget.save()
    audit.record(actor=actor, action="tracing.widget.create", obj=widget, after=audit.snapshot(widget))
    return widget


@transaction.atomic
def update_widget(*, actor: Actor, widget: Widget, spec: WidgetSpec) -> Widget:
    """Change what a widget shows. Raises InvalidDashboard, InvalidMetricQuery."""
    require_change(actor, widget.dashboard)
    spec.check()
    before = audit.snapshot(widget)
    spec.apply(widget)
    widget.save()
    audit.record(
        actor=actor, action="tracing.widget.update", obj=widget, before=before, after=audit.snapshot(widget)
    )
    return widget


@transaction.atomic
def delete_widget(*, actor: Actor, widget: Widget) -> None:
    """Take a widget off its dashboard."""
    require_change(actor, widget.dashboard)
    audit.record(actor=actor, action="tracing.widget.delete", obj=widget, before=audit.snapshot(widget))
    widget.delete()


@transaction.atomic
def arrange_widgets(*, actor: Actor, dashboard: Dashboard, places: Sequence[Place]) -> None:
    """Give all widgets the order of `places` and their sizes. Raises InvalidDashboard, Conflict for an old page."""
    require_change(actor, dashboard)
    Dashboard.objects.select_for_update().get(pk=dashboard.pk)
    widgets = {widget.pk: widget for widget in dashboard.widgets.all()}
    if len(places) != len(widgets) or {place.id for place in places} != set(widgets):
        raise Conflict(_("The widgets have changed in the meantime. Reload the page."))
    for position, place in enumerate(places):
        check_size(place.width, place.height)
        widget = widgets[place.id]
        widget.position, widget.width, widget.height = position, place.width, place.height
    Widget.objects.bulk_update(widgets.values(), ["position", "width", "height"])
    audit.record(
        actor=actor, action="tracing.dashboard.arrange", obj=dashboard, after={"widgets": len(places)}
    )
