"""Registration of the platform."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Workspaces, people, permissions, jobs, events, secrets, and the conventions of API and console."""

    name = "apps.core"
    label = "core"
    verbose_name = _("Platform")

    def ready(self) -> None:
        """Register topics, checks, the platform's part of the console, and the jobs of every app."""
        from apps.core import checks  # noqa: F401  # registers system checks
        from apps.core.admin.registration import register_console
        from apps.core.events import register_topic
        from apps.core.metrics import register_gauges
        from apps.core.selectors import (
            database_connections,
            may_watch_job,
            may_watch_workspace,
            oldest_job_seconds,
            open_jobs,
        )

        register_topic("job", may_watch_job)
        register_topic("workspace", may_watch_workspace)
        register_gauges("jobs", "Jobs that are not finished.", ("queue", "state"), open_jobs)
        register_gauges(
            "oldest_job_seconds", "Age of the oldest waiting job.", ("queue",), oldest_job_seconds
        )
        register_gauges("database_connections", "Open connections.", ("state",), database_connections)
        register_console()
        for config in apps.get_app_configs():
            if config.name.startswith("apps.") and find_spec(f"{config.name}.tasks"):
                import_module(f"{config.name}.tasks")
