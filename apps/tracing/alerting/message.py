"""What people and other systems are told."""

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.mail import public_url
from apps.tracing.models import Alert, AlertEvent, EventKind
from apps.tracing.rollups.catalogue import DIMENSIONS, METRICS, OPERATORS
from apps.tracing.templatetags.tracing import cost, duration

_SIGNS: Final = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}


def shown(value: float | None, unit: str) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "–"
    if unit == "duration":
        return duration(value)
    if unit == "cost":
        return cost(value)
    return f"{value:.1%}" if unit == "percent" else f"{value:,.6g}"


def condition(alert: Alert) -> str:
    """ "Traces: Latency p95 > 2.00 s over 15 minutes (Environment is live)"."""
    metric = METRICS[alert.view][alert.metric]
    sentence = _("%(what)s: %(metric)s %(sign)s %(threshold)s over %(window)s") % {
        "what": alert.get_view_display(),
        "metric": metric.title,
        "sign": _SIGNS[alert.operator],
        "threshold": shown(alert.threshold, metric.unit),
        "window": _window(alert.window_minutes),
    }
    names = DIMENSIONS[alert.view]
    filters = [
        f"{names[item['field']].title} {OPERATORS[item['operator']]} {item['value']}"
        for item in alert.filters
    ]
    return f"{sentence} ({'; '.join(filters)})" if filters else sentence


def _window(minutes: int) -> str:
    """15 minutes, 2 hours, 7 days: the largest unit that is whole."""
    if minutes % 1440 == 0:
        return ngettext("%(count)d day", "%(count)d days", minutes // 1440) % {"count": minutes // 1440}
    if minutes % 60 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", minutes // 60) % {"count": minutes // 60}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def subject(alert: Alert, event: AlertEvent) -> str:
    """One line: the event, the alert, the workspace."""
    return f"[{alert.workspace.name}] {EventKind(event.kind).label}: {alert.name}"


def text(alert: Alert, event: AlertEvent) -> str:
    """A plain message."""
    unit = METRICS[alert.view][alert.metric].unit
    lines = [
        subject(alert, event),
        "",
        condition(alert),
        _("The figure is %(value)s.") % {"value": shown(event.value, unit)},
        _("Severity: %(severity)s") % {"severity": alert.get_severity_display()},
        event.at.isoformat(timespec="seconds"),
        *(["", alert.description] if alert.description else []),
        "",
        public_url(alert.get_absolute_url()),
    ]
    return "\n".join(lines)


def document(alert: Alert, event: AlertEvent) -> dict[str, Any]:
    """What a webhook gets. `id` stays the same when an event is sent again."""
    return {
        "id": str(event.pk),
        "kind": event.kind,
        "at": event.at.isoformat(),
        "value": event.value,
        "summary": subject(alert, event),
        "workspace": {"id": str(alert.workspace_id), "name": alert.workspace.name},
        "alert": {
            "id": str(alert.pk),
            "name": alert.name,
            "description": alert.description,
            "severity": alert.severity,
            "url": public_url(alert.get_absolute_url()),
            "view": alert.view,
            "metric": alert.metric,
            "filters": alert.filters,
            "operator": alert.operator,
            "threshold": alert.threshold,
            "window_minutes": alert.window_minutes,
        },
    }
