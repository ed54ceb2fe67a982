"""What the console's templates need beyond their context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import activity, formatting
from apps.core.admin.role import current_role as role_of_request
from apps.core.models import Job, User, Workspace, WorkspaceModel
from apps.core.selectors import workspaces_of
from apps.core.services.share import may_share

register = template.Library()

WIDTH, HEIGHT = 120, 36  # user units of the sparkline; the style sheet sets the real size

register.filter("moment", formatting.moment)
register.filter("job_badge", formatting.job_badge)
register.filter("job_progress", formatting.job_progress)


@register.simple_tag(takes_context=True)
def entered_workspaces(context: dict[str, Any]) -> list[Workspace]:
    """Return the workspaces that the person may enter."""
    user = context["request"].user
    return workspaces_of(user) if isinstance(user, User) else []


@register.simple_tag(takes_context=True)
def current_role(context: dict[str, Any]) -> str:
    """Return the person's role in the current workspace, or "" for a superuser who is no member."""
    role = role_of_request(context["request"])
    return "" if role is None else str(role.label)


@register.simple_tag(takes_context=True)
def recent_jobs(context: dict[str, Any]) -> list[Job]:
    """Return the jobs for the start page."""
    return activity.recent_jobs(context["request"])


@register.simple_tag(takes_context=True)
def recent_happenings(context: dict[str, Any]) -> list[activity.Happening]:
    """Return what happened last, for the start page."""
    return activity.recent_happenings(context["request"])


@register.simple_tag(takes_context=True)
def share_url(context: dict[str, Any]) -> str:
    """Return the share page of the page's object, for people who may share it; otherwise ""."""
    user = context["request"].user
    shown = next(
        (context[name] for name in ("original", "agent", "base", "workflow") if context.get(name)), None
    )
    if not isinstance(shown, WorkspaceModel) or shown._meta.label_lower not in settings.SHAREABLE_MODELS:
        return ""
    if not isinstance(user, User) or not may_share(user, shown):
        return ""
    return reverse("admin:core_share", args=[shown._meta.label_lower, shown.pk])


@register.simple_tag
def sparkline(series: Sequence[float]) -> SafeString | str:
    """Draw a series (oldest first) as a small inline SVG; nothing when there is nothing to see."""
    values = [float(value) for value in series]
    if len(values) < 2 or not any(values):
        return ""
    low, high = min(0.0, *values), max(values)
    span = (high - low) or 1.0
    step = WIDTH / (len(values) - 1)
    points = [
        f"{index * step:.1f},{HEIGHT - 2 - (value - low) / span * (HEIGHT - 4):.1f}"
        for index, value in enumerate(values)
    ]
    line = " ".join(points)
    return format_html(
        '<svg class="fw-sparkline" viewBox="0 0 {0} {1}" preserveAspectRatio="none" aria-hidden="true">'
        '<polygon class="fw-sparkline__area" points="0,{1} {2} {0},{1}"/>'
        '<polyline class="fw-sparkline__line" points="{2}"/></svg>',
        WIDTH,
        HEIGHT,
        line,
    )
