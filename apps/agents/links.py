"""From a trace back to the answer it is the trace of."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.agents.models import Message
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
