"""Public pages of shared agents."""

from __future__ import annotations

from django.urls import path

from apps.agents.views import SharedBranch, SharedConversation, SharedFeedback, SharePage

_CONVERSATION = "share/<str:token>/conversations/<uuid:pk>/"

urlpatterns = [
    path("share/<str:token>/", SharePage.as_view(), name="agents_share"),
    path(_CONVERSATION, SharedConversation.as_view(), name="agents_share_conversation"),
    path(f"{_CONVERSATION}show/", SharedBranch.as_view(), name="agents_share_branch"),
    path(f"{_CONVERSATION}feedback/", SharedFeedback.as_view(), name="agents_share_feedback"),
]
