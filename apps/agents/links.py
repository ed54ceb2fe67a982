"""From a trace back to the answer or prompt it is the trace of."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.agents.models import Message, Prompt
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
