"""Writes on dashboards."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import Workspace
from apps.tracing.dashboards import DashboardSpec, WidgetSpec
from apps.tracing.dashboards.spec import MAX_NAME
from apps.tracing.models import Dashboard, Widget


@transaction.atomic
def create_dashboard(*, actor: Actor, workspace: Workspace, spec: DashboardSpec) -> Dashboard:
    """Make a dashboard with its widgets. Raises InvalidDashboard, InvalidMetricQuery."""
    permissions.require_in(actor, "add", Dashboard, workspace)
    spec.check()
    dashboard = Dashboard.objects.create(
        workspace=workspace,
        owner=actor.user,
        name=spec.name.strip(),
        description=spec.description,
        # what nobody owns is everybody's
        shared=spec.shared or actor.user is None,
    )
    _write_widgets(dashboard, spec.widgets)
    after = audit.snapshot(dashboard) | {"widgets": len(spec.widgets)}
    audit.record(actor=actor, action="tracing.dashboard.create", obj=dashboard, after=after)
    return dashboard


@transaction.atomic
def update_dashboard(
    *,
    actor: Actor,
    dashboard: Dashboard,
    name: str | None = None,
    description: str | None = None,
    shared: bool | None = None,
    widgets: Sequence[WidgetSpec] | None = None,
) -> Dashboard:
    """Change what is given; `widgets` replaces all of them. Raises InvalidDashboard, InvalidMetricQuery."""
    require_change(actor, dashboard)
    stored = Dashboard.objects.select_for_update().get(pk=dashboard.pk)
    spec = DashboardSpec(
        name=(stored.name if name is None else name).strip(),
        description=stored.description if description is None else description,
        shared=(stored.shared if shared is None else shared) or stored.owner_id is None,
        widgets=tuple(widgets or ()),
    ).check()
    before = audit.snapshot(stored)
    stored.name, stored.description, stored.shared = spec.name, spec.description, spec.shared
    stored.save(update_fields=["name", "description", "shared", "updated_at"])
    after = audit.snapshot(stored)
    if widgets is not None:
        before["widgets"] = Widget.objects.filter(dashboard=stored).delete()[0]
        _write_widgets(stored, spec.widgets)
        after["widgets"] = len(spec.widgets)
    audit.record(actor=actor, action="tracing.dashboard.update", obj=stored, before=before, after=after)
    return stored


def duplicate_dashboard(*, actor: Actor, dashboard: Dashboard) -> Dashboard:
    """Make a copy that belongs to the actor."""
    permissions.require(actor, "view", dashboard)
    spec = DashboardSpec.of(dashboard, list(dashboard.widgets.all()))
    name = _("%(name)s (copy)") % {"name": spec.name[: MAX_NAME - 20]}
    copy = DashboardSpec(name, spec.description, spec.shared, spec.widgets)
    return create_dashboard(actor=actor, workspace=dashboard.workspace, spec=copy)


@transaction.atomic
def delete_dashboard(*, actor: Actor, dashboard: Dashboard) -> None:
    """Delete a dashboard with its widgets."""
    require_change(actor, dashboard, "delete")
    audit.record(
        actor=actor, action="tracing.dashboard.delete", obj=dashboard, before=audit.snapshot(dashboard)
    )
    dashboard.delete()


def require_change(actor: Actor, dashboard: Dashboard, action: str = "change") -> None:
    """Raise NotAllowed unless the actor may change a dashboard: one that is not shared is its owner's."""
    permissions.require(actor, action, dashboard)
    if actor.user is not None and not dashboard.shared and dashboard.owner_id != actor.user.pk:
        raise NotAllowed(_("Only its owner may change a dashboard that is not shared."))


def _write_widgets(dashboard: Dashboard, specs: Sequence[WidgetSpec]) -> None:
    rows = []
    for position, spec in enumerate(specs):
        widget = Widget(workspace=dashboard.workspace, dashboard=dashboard, position=position)
        spec.apply(widget)
        rows.append(widget)
    Widget.objects.bulk_create(rows)
