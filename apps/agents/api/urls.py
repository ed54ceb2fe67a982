"""Routes of agents below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

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

urlpatterns = [
    path("agents/<uuid:pk>/chat", ChatView.as_view(), name="agent-chat"),
    path("messages/<uuid:pk>/stream", MessageStreamView.as_view(), name="message-stream"),
    path("messages/<uuid:pk>/regenerate", RegenerateView.as_view(), name="message-regenerate"),
    *router.urls,
]
