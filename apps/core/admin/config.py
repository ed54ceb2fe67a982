"""The admin application with our site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Replaces `django.contrib.admin`'s default site by the console."""

    default_site = "apps.core.admin.site.ConsoleSite"
