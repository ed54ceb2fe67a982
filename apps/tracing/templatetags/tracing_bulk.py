"""What lists without rows to choose offer of the actions."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from apps.core.admin.role import role_allows
from apps.tracing.models import ExportFormat, TraceExport

register = template.Library()

#: Of the address of a list, what its export keeps.
_RANGE = ("range", "start", "end")


@register.inclusion_tag("tracing/session_export.html", takes_context=True)
def session_export(context: dict[str, Any]) -> dict[str, Any]:
    """A menu that exports the list of sessions at the page, for those who may.

    The form goes to the list of traces, whose sessions of the same range are added up.
    """
    request = context["request"]
    query = [(name, value) for name in _RANGE if (value := request.GET.get(name, ""))]
    text = request.GET.get("q", "").strip()
    query.append(("f", f"session_id:contains:{text}" if text else "session_id:set"))
    return {
        "may_export": role_allows(request, "add", TraceExport),
        "action": f"{reverse('admin:tracing_traces')}?{urlencode(query)}",
        "formats": ExportFormat.choices,
        "csrf_token": context.get("csrf_token"),
    }
