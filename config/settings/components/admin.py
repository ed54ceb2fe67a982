"""The console: Django admin in the Unfold theme."""

from __future__ import annotations

from django.templatetags.static import static
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

static_lazy = lazy(static, str)

UNFOLD = {
    "SITE_TITLE": "Flywheel",
    "SITE_HEADER": "Flywheel",
    "SITE_SUBHEADER": _("LLM application platform"),
    "SITE_URL": None,
    "SITE_SYMBOL": "all_inclusive",
    "SITE_DROPDOWN": "apps.core.admin.navigation.workspace_dropdown",
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "apps.core.admin.dashboard.dashboard_context",
    "LOGIN": {"form": "apps.core.admin.login.LoginForm"},
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "apps.core.admin.navigation.sidebar",
    },
    "COMMAND": {"search_models": False, "show_history": False},
    "BORDER_RADIUS": "6px",
}
