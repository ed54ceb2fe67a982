"""What the start page says about agents."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.agents.models import Agent, Conversation
from apps.agents.selectors import today
from apps.core.admin.dashboard import Card, Step
from apps.core.models import User, Workspace


def answers_card(request: HttpRequest) -> Card | None:
    """Answers and conversations of the last 24 hours."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    figures = today(workspace)
    hint = ngettext("in %(n)d conversation, last 24 hours", "in %(n)d conversations, last 24 hours",
                    figures.conversations) % {"n": figures.conversations}  # fmt: skip
    if figures.failed:
        hint = f"{hint} · " + ngettext("%(n)d failed", "%(n)d failed", figures.failed) % {"n": figures.failed}
    return Card(
        title=_("Answers"),
        value=f"{figures.answers:,}",
        hint=hint,
        url=reverse("admin:agents_conversation_changelist"),
        series=figures.series,
        tone="warn" if figures.failed else "",
    )


def agent_step(request: HttpRequest) -> Step:
    """Create an agent."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return Step(
        title=_("Create an agent"),
        hint=_("A model with instructions and knowledge."),
        url=reverse("admin:agents_agents"),
        done=Agent.objects.in_workspace(workspace).exists(),
    )


def chat_step(request: HttpRequest) -> Step:
    """Ask a question."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    user = request.user
    asked = (
        isinstance(user, User)
        and Conversation.objects.in_workspace(workspace).of_person(user).started().exists()
    )
    return Step(
        title=_("Ask it something"),
        hint=_("The answer streams in, with the passages it is taken from."),
        url=reverse("admin:agents_agents"),
        done=asked,
    )
