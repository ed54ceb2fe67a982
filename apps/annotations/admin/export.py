"""Training files: what was made, what it holds, what was left out and why."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.paginator import InfinitePaginator

from apps.annotations.exporters import exporters
from apps.annotations.models import Export
from apps.annotations.reasons import described
from apps.annotations.services import export as export_service
from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, job_badge, job_progress, moment


class ExportAdmin(ConsoleModelAdmin[Export]):
    """Exports of the current workspace."""

    list_display = ("name", "file_format", "state", "rows", "left_out", "size", "author", "made", "download")
    list_select_related = ("dataset", "version", "job", "author")
    list_filter = (("dataset", RelatedDropdownFilter),)
    ordering = ("-created_at",)
    paginator = InfinitePaginator
    fields = (
        "name", "file_format", "state", "progress", "rows", "left_out", "size", "checksum", "author", "made",
        "download", "reasons",
    )  # fmt: skip
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made from a dataset's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Export | None = None) -> bool:
        """Files don't change."""
        return False

    @admin.display(description=_("dataset and version"))
    def name(self, export: Export) -> str:
        """What it was made from."""
        return f"{export.dataset.name} v{export.version.number}"

    @admin.display(description=_("format"), ordering="format")
    def file_format(self, export: Export) -> str:
        """By its title."""
        exporter = exporters().get(export.format)
        return exporter.title if exporter else export.format

    @admin.display(description=_("state"))
    def state(self, export: Export) -> SafeString:
        """Complete, or the state of its job, live."""
        if export.completed_at is not None:
            return badge(_("Complete"), "ok")
        return job_badge(export.job) if export.job else badge(_("Waiting"), "muted")

    @admin.display(description=_("progress"))
    def progress(self, export: Export) -> SafeString:
        """Of the job, live."""
        return job_progress(export.job) if export.job and export.completed_at is None else NOTHING

    @admin.display(description=_("rows"), ordering="row_count")
    def rows(self, export: Export) -> str | SafeString:
        """Lines of the file."""
        return str(export.row_count) if export.completed_at else NOTHING

    @admin.display(description=_("left out"), ordering="rejected_count")
    def left_out(self, export: Export) -> SafeString:
        """Rows that don't fit the format."""
        if export.completed_at is None:
            return NOTHING
        return badge(str(export.rejected_count), "warn" if export.rejected_count else "muted")

    @admin.display(description=_("size"), ordering="byte_count")
    def size(self, export: Export) -> str | SafeString:
        """Of the file."""
        return filesizeformat(export.byte_count) if export.completed_at else NOTHING

    @admin.display(description=_("SHA-256"))
    def checksum(self, export: Export) -> SafeString:
        """To compare with what a trainer got."""
        return format_html('<code class="fw-mono">{}</code>', export.sha256) if export.sha256 else NOTHING

    @admin.display(description=_("made"), ordering="created_at")
    def made(self, export: Export) -> SafeString:
        """When."""
        return moment(export.created_at)

    @admin.display(description=_("file"))
    def download(self, export: Export) -> SafeString:
        """The link, when there is a file."""
        if export.completed_at is None:
            return NOTHING
        link = reverse("annotations-export-file", args=[export.pk])
        return format_html(
            '<a class="fw-button fw-button--small" href="{}" download>{}</a>', link, _("Download")
        )

    @admin.display(description=_("rows left out"))
    def reasons(self, export: Export) -> SafeString:
        """Each with its reason and a way to the item."""
        if not export.rejections:
            return NOTHING
        context = {"export": export, "rejections": described(export.rejections)}
        return render_to_string("annotations/rejections.html", context)

    def delete_object(self, request: HttpRequest, obj: Export) -> None:
        """Call the service."""
        export_service.delete_export(actor=self.actor(request), export=obj)
