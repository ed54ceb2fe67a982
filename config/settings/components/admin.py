"""The console: Django admin in the Unfold theme."""

from __future__ import annotations

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "Flywheel",
    "SITE_HEADER": "Flywheel",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("core/img/favicon.svg")},
    ],
    "SHOW_BACK_BUTTON": False,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "apps.core.admin.dashboard.dashboard_context",
    "LOGIN": {"form": "apps.core.admin.login.LoginForm"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "apps.core.admin.navigation.sidebar",
    },
    "COMMAND": {"search_models": False, "show_history": False},
    "BORDER_RADIUS": "6px",
}
# What the command palette finds besides pages: lists with `search_fields`, through their own visibility.
PALETTE_MODELS = (
    "agents.agent",
    "knowledge.knowledgebase",
    "knowledge.document",
    "agents.conversation",
    "providers.provider",
    "providers.model",
    "annotations.annotationqueue",
    "annotations.dataset",
)
# Kinds of objects whose form offers *Share*.
SHAREABLE_MODELS = ("agents.agent", "knowledge.knowledgebase", "annotations.annotationqueue")
