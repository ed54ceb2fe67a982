"""Background jobs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from apps.core import jobs
from apps.core.admin.base import ReadOnlyAdmin
from apps.core.admin.formatting import NOTHING, job_badge, job_progress, moment
from apps.core.models import Job, JobState


class JobAdmin(ReadOnlyAdmin[Job]):
    """Jobs of the current workspace, live."""

    list_display = ("name", "state_badge", "progress", "created_by", "created", "took")
    list_select_related = ("created_by",)
    list_filter = (("state", ChoicesDropdownFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("title", "task")
    ordering = ("-created_at",)
    paginator = InfinitePaginator
    actions = ("cancel_selected",)
    fields = (
        "state_badge",
        "progress",
        "error_text",
        "task",
        "queue",
        "attempts",
        "created_by",
        "created",
        "took",
    )
    readonly_fields = fields
    change_form_outer_before_template = "core/job_tools.html"

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Those who may start jobs may cancel them."""
        return self.may(request, "change")

    @admin.display(description=_("job"), ordering="title")
    def name(self, job: Job) -> str:
        """Title or task name."""
        return str(job)

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, job: Job) -> SafeString:
        """State, live."""
        return job_badge(job)

    @admin.display(description=_("progress"))
    def progress(self, job: Job) -> SafeString:
        """Progress, live."""
        return job_progress(job)

    @admin.display(description=_("error"))
    def error_text(self, job: Job) -> SafeString:
        """The reason of a failure."""
        return (
            format_html('<p class="fw-notice fw-notice--error">{}</p>', job.error) if job.error else NOTHING
        )

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, job: Job) -> SafeString:
        """When it was asked for."""
        return moment(job.created_at)

    @admin.display(description=_("duration"))
    def took(self, job: Job) -> str | SafeString:
        """How long it ran."""
        if job.started_at is None or job.finished_at is None:
            return NOTHING
        seconds = (job.finished_at - job.started_at).total_seconds()
        return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Cancel the ticked jobs that are not finished."""
        actor = self.actor(request)
        open_jobs = queryset.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
        self.run_each(
            request,
            open_jobs,
            lambda job: jobs.cancel(actor=actor, job=job),
            gettext("Cancellation requested"),
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the address that cancels one job."""
        own = path("<uuid:pk>/cancel/", self.admin_site.admin_view(self.cancel_view), name="core_job_cancel")
        return [own, *super().get_urls()]

    def cancel_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Cancel one job."""
        if not self.has_cancel_permission(request) or request.method != "POST":
            raise PermissionDenied
        job = self.get_queryset(request).filter(pk=pk).first()
        if job is None:
            raise Http404
        jobs.cancel(actor=self.actor(request), job=job)
        self.message_user(request, gettext("The job is being cancelled."))
        return redirect(reverse("admin:core_job_change", args=[job.pk]))
