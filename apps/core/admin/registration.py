"""Everything the platform itself shows in the console, on one screen. Called by `CoreConfig.ready`."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_celery_beat import models as beat

from apps.core.admin import dashboard, navigation, pages
from apps.core.admin.activity import job_card
from apps.core.admin.api_key import ApiKeyAdmin
from apps.core.admin.audit_entry import AuditEntryAdmin
from apps.core.admin.group import GroupAdmin
from apps.core.admin.job import JobAdmin
from apps.core.admin.membership import MembershipAdmin
from apps.core.admin.palette import PalettePage
from apps.core.admin.periodic_task import PeriodicTaskAdmin
from apps.core.admin.profile import ProfilePage
from apps.core.admin.sandbox import SandboxPage
from apps.core.admin.sharing import SharePage
from apps.core.admin.system import SystemPage
from apps.core.admin.user import UserAdmin
from apps.core.admin.workspace import WorkspaceAdmin
from apps.core.models import ApiKey, AuditEntry, Job, Membership, User, Workspace

_NOT_SHOWN = (
    Group,
    beat.PeriodicTask,
    beat.IntervalSchedule,
    beat.CrontabSchedule,
    beat.SolarSchedule,
    beat.ClockedSchedule,
)


def register_console() -> None:
    """Register the platform's lists, pages, navigation entries and its card on the start page."""
    for model in _NOT_SHOWN:
        if admin.site.is_registered(model):
            admin.site.unregister(model)
    admin.site.register(ApiKey, ApiKeyAdmin)
    admin.site.register(AuditEntry, AuditEntryAdmin)
    admin.site.register(Group, GroupAdmin)
    admin.site.register(Job, JobAdmin)
    admin.site.register(Membership, MembershipAdmin)
    admin.site.register(User, UserAdmin)
    admin.site.register(Workspace, WorkspaceAdmin)
    admin.site.register(beat.PeriodicTask, PeriodicTaskAdmin)

    pages.register("find/", PalettePage, "core_palette")
    pages.register("profile/", ProfilePage, "core_profile")
    pages.register("sandbox/", SandboxPage, "core_sandbox")
    pages.register("system/", SystemPage, "core_system")
    pages.register("share/<str:label>/<uuid:pk>/", SharePage, "core_share")

    settings: list[tuple[Promise, str, str, int, str]] = [
        (_("Members"), "group", "admin:core_membership_changelist", 20, "core.Membership"),
        (_("API keys"), "key", "admin:core_apikey_changelist", 30, "core.ApiKey"),
        (_("Jobs"), "pending_actions", "admin:core_job_changelist", 40, "core.Job"),
        (_("Audit log"), "history", "admin:core_auditentry_changelist", 50, "core.AuditEntry"),
        (_("Code sandbox"), "deployed_code", "admin:core_sandbox", 60, "core.SandboxPolicy"),
        (_("API reference"), "api", "api-reference", 70, ""),
    ]
    for title, icon, url, order, model in settings:
        navigation.register("Settings", title, icon, url, order, model=model)
    installation: list[tuple[Promise, str, str, int]] = [
        (_("Workspaces"), "workspaces", "admin:core_workspace_changelist", 10),
        (_("Users"), "manage_accounts", "admin:core_user_changelist", 20),
        (_("Groups"), "groups", "admin:auth_group_changelist", 30),
        (_("Schedule"), "schedule", "admin:django_celery_beat_periodictask_changelist", 40),
        (_("System"), "monitor_heart", "admin:core_system", 50),
    ]
    for title, icon, url, order in installation:
        navigation.register("Installation", title, icon, url, order, superuser=True)
    dashboard.register_card(90, job_card)
