"""Filters of lists in the API."""

from __future__ import annotations

import django_filters

from apps.agents.models import Conversation, MessageState, Source
from apps.agents.querysets import ConversationQuerySet


class ConversationFilter(django_filters.FilterSet):  # type: ignore[misc]  # the package carries no types
    """By agent, door, person, state of the last answer, and feedback."""

    agent = django_filters.UUIDFilter(field_name="agent_id")
    source = django_filters.ChoiceFilter(choices=Source.choices)
    external_user = django_filters.CharFilter()
    last_state = django_filters.ChoiceFilter(choices=MessageState.choices)
    feedback = django_filters.ChoiceFilter(
        choices=[("up", "up"), ("down", "down"), ("none", "none")], method="by_feedback"
    )

    class Meta:
        model = Conversation
        fields = ["agent", "source", "external_user", "last_state"]

    def by_feedback(self, queryset: ConversationQuerySet, name: str, value: str) -> ConversationQuerySet:
        """Keep conversations with a thumb up, a thumb down, or no thumb at all."""
        return queryset.with_feedback(value)
