"""From a trace back to the answer, prompt or session it is the trace of."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.agents.models import Message, PlaygroundSession, Prompt
from apps.tracing.links import Link


def message_link(message_id: UUID) -> Link | None:
    """The conversation in which the answer stands."""
    row = Message.objects.filter(pk=message_id).values_list("conversation_id", "conversation__title").first()
    if row is None:
        return None
    conversation_id, title = row
    return Link(
        title or _("Conversation"), reverse("admin:agents_conversation_change", args=[conversation_id])
    )


def prompt_link(prompt_id: UUID) -> Link | None:
    """The prompt that was run."""
    name = Prompt.objects.filter(pk=prompt_id).values_list("name", flat=True).first()
    return None if name is None else Link(name, reverse("admin:agents_prompt", args=[prompt_id]))


def playground_link(session_id: UUID) -> Link | None:
    """The session in which a model was tried."""
    name = PlaygroundSession.objects.filter(pk=session_id).values_list("name", flat=True).first()
    if name is None:
        return None
    return Link(name or _("Playground"), f"{reverse('admin:agents_playground')}?session={session_id}")
