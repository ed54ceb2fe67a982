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
# What the command palette finds besides pages: (model, field that is searched, page of the object).
PALETTE_OBJECTS = (
    ("agents.agent", "name", "admin:agents_chat"),
    ("agents.conversation", "title", "admin:agents_conversation_change"),
    ("workflows.workflow", "name", "admin:workflows_workflow"),
    ("knowledge.knowledgebase", "name", "admin:knowledge_base"),
    ("knowledge.document", "name", "admin:knowledge_document"),
    ("providers.provider", "name", "admin:providers_provider_change"),
    ("providers.model", "name", "admin:providers_model_change"),
    ("annotations.annotationqueue", "name", "admin:annotations_desk"),
    ("annotations.dataset", "name", "admin:annotations_dataset"),
)
# Kinds of objects whose page offers *Access*: more rights for single members or groups.
SHAREABLE_MODELS = (
    "agents.agent",
    "knowledge.knowledgebase",
    "workflows.workflow",
    "annotations.annotationqueue",
)
