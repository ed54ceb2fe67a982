"""Routes of agents below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.agents.api.playground import PlaygroundRunView, PlaygroundSessionViewSet
from apps.agents.api.prompt_execution import PromptExecuteView
from apps.agents.api.prompts import (
    PromptLabelView,
    PromptResolveView,
    PromptVersionsView,
    PromptViewSet,
)
from apps.agents.api.views import (
    AgentViewSet,
    ChatView,
    ConversationViewSet,
    MessageStreamView,
    MessageViewSet,
    RegenerateView,
)

router = SimpleRouter()
router.register("agents", AgentViewSet)
router.register("conversations", ConversationViewSet)
router.register("messages", MessageViewSet)
router.register("prompts", PromptViewSet)
router.register("playground-sessions", PlaygroundSessionViewSet)

urlpatterns = [
    path("agents/<uuid:pk>/chat", ChatView.as_view(), name="agent-chat"),
    path("messages/<uuid:pk>/stream", MessageStreamView.as_view(), name="message-stream"),
    path("messages/<uuid:pk>/regenerate", RegenerateView.as_view(), name="message-regenerate"),
    path("playground/run/", PlaygroundRunView.as_view(), name="playground-run"),
    path("prompts/execute/", PromptExecuteView.as_view(), name="prompt-execute"),
    path("prompts/resolve/", PromptResolveView.as_view(), name="prompt-resolve"),
    path(
        "prompts/<uuid:prompt_id>/versions/",
        PromptVersionsView.as_view({"get": "list"}),
        name="prompt-versions",
    ),
    path(
        "prompts/<uuid:prompt_id>/versions/<int:number>/",
        PromptVersionsView.as_view({"get": "retrieve"}),
        name="prompt-version",
    ),
    path(
        "prompts/<uuid:prompt_id>/labels/<str:label>/",
        PromptLabelView.as_view(),
        name="prompt-label",
    ),
    *router.urls,
]
