"""The schedule."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from apps.core.admin.formatting import badge, moment
from apps.core.admin.installation import InstallationAdmin
from apps.core.services.periodic_task import set_enabled


class PeriodicTaskAdmin(InstallationAdmin[PeriodicTask]):
    """What runs again and again. The code declares the tasks; an administrator may pause one."""

    list_display = ("name", "state", "schedule_text", "last_run", "total_run_count")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    search_fields = ("name", "task")
    ordering = ("name",)
    actions = ("enable", "disable")
    fields = ("name", "task", "state", "schedule_text", "queue", "last_run", "total_run_count", "description")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never; tasks are declared by code."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        """Paused and resumed by action only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        """Never."""
        return False

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return self.may(request, "change")

    @admin.display(description=_("state"), ordering="enabled")
    def state(self, task: PeriodicTask) -> SafeString:
        """Runs or is paused."""
        return badge(_("Active"), "ok") if task.enabled else badge(_("Paused"), "warn")

    @admin.display(description=_("schedule"))
    def schedule_text(self, task: PeriodicTask) -> str:
        """How often."""
        return str(task.interval or task.crontab or task.solar or task.clocked or "")

    @admin.display(description=_("last run"), ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> SafeString:
        """Last time the scheduler sent it."""
        return moment(task.last_run_at)

    @admin.action(description=_("Resume"), permissions=["pause"])
    def enable(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Let tasks run again."""
        self._set_enabled(request, queryset, enabled=True, done=gettext("Tasks resumed"))

    @admin.action(description=_("Pause"), permissions=["pause"])
    def disable(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Pause tasks."""
        self._set_enabled(request, queryset, enabled=False, done=gettext("Tasks paused"))

    def _set_enabled(
        self, request: HttpRequest, queryset: QuerySet[PeriodicTask], *, enabled: bool, done: str
    ) -> None:
        actor = self.actor(request)
        self.run_each(
            request, queryset, lambda task: set_enabled(actor=actor, task=task, enabled=enabled), done
        )
