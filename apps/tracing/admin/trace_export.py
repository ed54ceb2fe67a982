"""Files made of lists: state, progress, download."""

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.paginator import InfinitePaginator

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, job_badge, job_progress, moment
from apps.core.models import JobState
from apps.tracing.explorer import Condition
from apps.tracing.models import TraceExport
from apps.tracing.selection import KINDS
from apps.tracing.services import trace_export as export_service
from apps.tracing.templatetags.tracing import count


@admin.register(TraceExport)
class TraceExportAdmin(ConsoleModelAdmin[TraceExport]):
    """Exports of the current workspace, live while they are written."""

    list_display = ("name", "state", "progress", "download", "rows", "size", "author", "made", "kept")
    list_select_related = ("job", "author", "workspace")
    list_filter = (("list_name", ChoicesDropdownFilter), ("format", ChoicesDropdownFilter))
    ordering = ("-created_at",)
    paginator = InfinitePaginator
    fields = (
        "name", "state", "progress", "download", "rows", "size", "filters", "column_names", "author", "made", "kept",
    )  # fmt: skip
    readonly_fields = fields

    def has_module_permission(self, request: HttpRequest) -> bool:
        """By role alone: every page of the console asks, and a file is not shared by itself."""
        return self.may(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made from a list."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: TraceExport | None = None) -> bool:
        """Files don't change."""
        return False

    @admin.display(description=_("export"), ordering="list_name")
    def name(self, export: TraceExport) -> str:
        """List and format."""
        return f"{export.get_list_name_display()} · {export.get_format_display()}"

    @admin.display(description=_("state"))
    def state(self, export: TraceExport) -> SafeString:
        """Complete, or the state of its job, live."""
        if export.completed_at is None:
            return job_badge(export.job) if export.job else badge(_("Failed"), "error")
        if notice := export_service.describe_limit(export):
            return format_html(
                '{} <div class="fw-small fw-muted">{}</div>', badge(_("Cut off"), "warn"), notice
            )
        return badge(_("Complete"), "ok")

    @admin.display(description=_("progress"))
    def progress(self, export: TraceExport) -> SafeString:
        """Of the job, live, with a button that stops it."""
        if export.job is None or export.completed_at is not None:
            return NOTHING
        bar = job_progress(export.job)
        if JobState(export.job.state).is_final:
            return bar
        link = reverse("admin:core_job_change", args=[export.job.pk])
        return format_html('{} <a class="fw-link fw-small" href="{}">{}</a>', bar, link, _("Stop it"))

    @admin.display(description=_("rows"), ordering="row_count")
    def rows(self, export: TraceExport) -> str | SafeString:
        """Of the file."""
        return count(export.row_count) if export.completed_at else NOTHING

    @admin.display(description=_("size"), ordering="byte_count")
    def size(self, export: TraceExport) -> str | SafeString:
        """Of the file."""
        return filesizeformat(export.byte_count) if export.completed_at else NOTHING

    @admin.display(description=_("filters"))
    def filters(self, export: TraceExport) -> SafeString:
        """As sentences: time range, text, conditions, chosen rows."""
        selection = export.selection
        kind = KINDS.get(selection.get("list", ""))
        parsed = [
            Condition.parse(text, kind.fields) if kind else None for text in selection.get("conditions", ())
        ]
        shown = [
            f"{selection.get('start', '')[:16]} – {selection.get('end', '')[:16]} UTC",
            *filter(None, [selection.get("text", "")]),
            *(str(condition) for condition in parsed if condition is not None),
        ]
        if chosen := selection.get("chosen"):
            shown.append(str(_("%(n)d chosen rows") % {"n": len(chosen)}))
        return format_html_join(
            " ", '<span class="fw-badge fw-badge--muted">{}</span>', ((one,) for one in shown)
        )

    @admin.display(description=_("columns"))
    def column_names(self, export: TraceExport) -> str:
        """In their order."""
        return ", ".join(export.columns)

    @admin.display(description=_("made"), ordering="created_at")
    def made(self, export: TraceExport) -> SafeString:
        """When."""
        return moment(export.created_at)

    @admin.display(description=_("kept until"), ordering="expires_at")
    def kept(self, export: TraceExport) -> SafeString:
        """When it will be."""
        return moment(export.expires_at)

    @admin.display(description=_("file"))
    def download(self, export: TraceExport) -> SafeString:
        """The link, when there is a file."""
        if export.completed_at is None:
            return NOTHING
        link = reverse("trace-export-file", args=[export.pk])
        return format_html(
            '<a class="fw-button fw-button--small" href="{}" download>{}</a>', link, _("Download")
        )

    def delete_object(self, request: HttpRequest, obj: TraceExport) -> None:
        """Call the service."""
        export_service.delete_export(actor=self.actor(request), export=obj)
