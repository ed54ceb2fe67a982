"""Chainable reads of agents, conversations and messages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.apps import apps
from django.db import models

from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from apps.agents.models import (  # noqa: F401  # for the type parameters
        Agent,
        Conversation,
        Message,
        PlaygroundSession,
        Prompt,
        PromptLabel,
        PromptVersion,
    )
    from apps.core.models import User


class AgentQuerySet(WorkspaceQuerySet["Agent"]):
    """Agents."""

    def shared(self, token: str) -> Self:
        """The agent whose public page has this token, while it is switched on."""
        return self.filter(share_token=token, share_enabled=True) if token else self.none()


class ConversationQuerySet(WorkspaceQuerySet["Conversation"]):
    """Conversations."""

    def of_person(self, user: User) -> Self:
        """Those that `user` had in the console or over the API."""
        return self.filter(user=user)

    def of_visitor(self, agent_id: UUID, visitor: str) -> Self:
        """Those that a visitor of a public page had with its agent."""
        return self.filter(agent_id=agent_id, external_user=visitor, source="share")

    def of_workflow(self, workflow_id: UUID) -> Self:
        """Those that people had with a workflow."""
        return self.filter(workflow_id=workflow_id)

    def newest_first(self) -> Self:
        """By their last message."""
        return self.order_by("-last_message_at", "-id")

    def with_feedback(self, kind: str) -> Self:
        """Those with a thumb `up`, a thumb `down`, or `none` at all; anything else keeps all."""
        conditions = {
            "up": models.Q(likes__gt=0),
            "down": models.Q(dislikes__gt=0),
            "none": models.Q(likes=0, dislikes=0),
        }
        return self.filter(conditions[kind]) if kind in conditions else self

    def started(self) -> Self:
        """Those in which something was said."""
        return self.filter(message_count__gt=0)


class MessageQuerySet(WorkspaceQuerySet["Message"]):
    """Messages."""

    def in_order(self) -> Self:
        """As they were written; ids are time ordered."""
        return self.order_by("id")

    def running(self) -> Self:
        """Answers that are being written, or whose process died while it wrote."""
        return self.filter(state__in=("pending", "streaming"))

    def abandoned(self, now: datetime) -> Self:
        """Running answers whose lease ran out: nobody writes them any more."""
        return self.running().filter(lease_until__lt=now)

    def with_old_streams(self, before: datetime) -> Self:
        """Finished answers whose token stream is still kept although it ended before `before`."""
        return self.filter(stream_kept=True, finished_at__lt=before).exclude(
            state__in=("pending", "streaming")
        )

    def answers(self) -> Self:
        """What agents said."""
        return self.filter(role="assistant")

    def tallied(self) -> dict[str, int]:
        """Count by state, in one query."""
        return dict(self.values_list("state").annotate(n=models.Count("id")))


class PromptQuerySet(WorkspaceQuerySet["Prompt"]):
    """Prompts."""

    def in_folder(self, folder: str) -> Self:
        """Those whose name begins with the folder."""
        return self.filter(name__startswith=f"{folder.strip('/')}/") if folder.strip("/") else self

    def with_labels(self) -> Self:
        """Fetch the labels with their versions' numbers along."""
        return self.prefetch_related("labels__version")

    def with_newest_config(self) -> Self:
        """Add the newest version's settings as `newest_config`."""
        versions = apps.get_model("agents", "PromptVersion")._default_manager  # the models import this module
        newest = versions.filter(prompt=models.OuterRef("pk"), number=models.OuterRef("newest"))
        return self.annotate(newest_config=models.Subquery(newest.values("config")))


class PromptVersionQuerySet(WorkspaceQuerySet["PromptVersion"]):
    """Versions of prompts."""

    def pointed_at(self, *, version: int | None, label: str) -> Self:
        """The version with this number, or the one that the label points at."""
        if version is not None:
            return self.filter(number=version)
        if label == "latest":
            return self.filter(number=models.F("prompt__newest"))
        return self.filter(labels__name=label)


class PromptLabelQuerySet(WorkspaceQuerySet["PromptLabel"]):
    """Labels of prompts."""


class PlaygroundSessionQuerySet(WorkspaceQuerySet["PlaygroundSession"]):
    """Sessions of the playground."""

    def of_person(self, user: User) -> Self:
        """A person's own."""
        return self.filter(user=user)
