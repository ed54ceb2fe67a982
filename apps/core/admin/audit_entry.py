"""The audit log."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from apps.core.admin.base import ReadOnlyAdmin
from apps.core.admin.formatting import moment
from apps.core.admin.installation import is_superuser
from apps.core.models import AuditEntry

VALUE_LENGTH = 2000  # longer values are cut: the page is for reading


class KindFilter(SimpleListFilter):
    """Kind of act, from the last part of the action's name; costs no query."""

    title = _("kind")
    parameter_name = "kind"
    kinds = (
        ("create", _("Created")),
        ("update", _("Changed")),
        ("delete", _("Deleted")),
        ("other", _("Other")),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """The kinds."""
        return self.kinds

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Filter by the ending of the action."""
        kind = self.value()
        if not kind:
            return queryset
        if kind == "other":
            known = Q()
            for name, _label in self.kinds[:-1]:
                known |= Q(action__endswith=f".{name}")
            return queryset.exclude(known)
        return queryset.filter(action__endswith=f".{kind}")


class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    """Who did what in the current workspace; superusers also see what belongs to no workspace."""

    list_display = ("time", "actor_label", "act", "target", "ip")
    list_display_links = ("act",)
    list_filter = (KindFilter, ("created_at", RangeDateTimeFilter))
    search_fields = ("actor_label", "action", "object_label", "object_id")
    ordering = ("-created_at",)
    paginator = InfinitePaginator
    fields = ("exact_time", "actor_label", "via", "ip", "act", "target", "object_id", "comparison")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Entries of the current workspace."""
        visible = super().get_queryset(request)
        if not is_superuser(request):
            return visible
        every: QuerySet[AuditEntry] = ModelAdmin.get_queryset(self, request)
        return every.filter(Q(workspace_id=self._workspace_id(request)) | Q(workspace_id__isnull=True))

    def _workspace_id(self, request: HttpRequest) -> Any:
        workspace = self.workspace(request)
        return workspace.pk if workspace else None

    def may(self, request: HttpRequest, action: str, obj: AuditEntry | None = None) -> bool:
        """Entries without a workspace are for superusers."""
        if obj is not None and obj.workspace_id is None:
            return is_superuser(request)
        return super().may(request, action, obj)

    @admin.display(description=_("time"), ordering="created_at")
    def time(self, entry: AuditEntry) -> SafeString:
        """When it happened."""
        return moment(entry.created_at)

    @admin.display(description=_("time"))
    def exact_time(self, entry: AuditEntry) -> SafeString:
        """When exactly it happened, in the reader's time zone."""
        return format_html('<time datetime="{0}" data-local>{0}</time>', entry.created_at.isoformat())

    @admin.display(description=_("action"), ordering="action")
    def act(self, entry: AuditEntry) -> SafeString:
        """The action's name."""
        return format_html('<code class="fw-mono">{}</code>', entry.action)

    @admin.display(description=_("object"))
    def target(self, entry: AuditEntry) -> SafeString:
        """The object as it was called then."""
        return format_html(
            '{} <span class="fw-muted fw-small">{}</span>', entry.object_label, entry.object_type
        )

    @admin.display(description=_("through"))
    def via(self, entry: AuditEntry) -> str:
        """Door it came through."""
        return str(_("API key %(id)s") % {"id": entry.api_key_id}) if entry.api_key_id else str(_("Console"))

    @admin.display(description=_("changes"))
    def comparison(self, entry: AuditEntry) -> SafeString:
        """Field by field, before and after."""
        rows = [
            (name, _shown(before), _shown(after)) for name, (before, after) in sorted(entry.changes.items())
        ]
        return render_to_string("core/audit_changes.html", {"rows": rows})


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"
