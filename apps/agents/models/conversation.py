"""Conversations."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.agents.models.agent import Agent
from apps.agents.querysets import ConversationQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


class Source(models.TextChoices):
    """The door a conversation came through."""

    CONSOLE = "console", _("Console")
    SHARE = "share", _("Public page")
    API = "api", _("API")


class Conversation(WorkspaceModel):
    """What one person said to one agent, or to one workflow. Counters are kept by the services that write messages.

    A workflow lies above this app: it is known by its id and by the name it had when the conversation began.
    """

    access = Access(add=Role.VIEWER)

    agent = models.ForeignKey(
        Agent, models.CASCADE, null=True, blank=True, related_name="conversations", verbose_name=_("agent")
    )
    workflow_id = models.UUIDField(_("workflow"), null=True, blank=True, editable=False)
    workflow_name = models.CharField(_("workflow name"), max_length=120, blank=True, editable=False)
    #: What a workflow keeps between the runs of a conversation, by name; values of the variables in an agent's prompt.
    variables = JSONField(_("variables"), default=dict, blank=True, editable=False)
    #: Messages before it are kept and shown, and no longer go along as history.
    cleared_at = models.DateTimeField(_("history cleared"), null=True, blank=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        verbose_name=_("person"),
    )
    external_user = models.CharField(
        _("external person"),
        max_length=128,
        blank=True,
        help_text=_("A visitor's or an API caller's own name."),
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices, default=Source.CONSOLE)
    message_count = models.PositiveIntegerField(_("messages"), default=0)
    last_message_at = models.DateTimeField(_("last message"))
    last_state = models.CharField(_("last answer"), max_length=12, blank=True)
    likes = models.PositiveIntegerField(_("thumbs up"), default=0)
    dislikes = models.PositiveIntegerField(_("thumbs down"), default=0)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-last_message_at", "-id"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(agent__isnull=False, workflow_id__isnull=True)
                | models.Q(agent__isnull=True, workflow_id__isnull=False),
                name="agents_conversation_one_counterpart",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-last_message_at", "-id"], name="agents_conv_recent"),
            models.Index(
                fields=["workflow_id", "user", "external_user", "-last_message_at"],
                name="agents_conv_workflow",
                condition=models.Q(workflow_id__isnull=False),
            ),
            models.Index(fields=["agent", "-last_message_at", "-id"], name="agents_conv_agent"),
            models.Index(fields=["user", "agent", "-last_message_at"], name="agents_conv_person"),
            models.Index(
                fields=["agent", "external_user", "-last_message_at"],
                name="agents_conv_visitor",
                condition=~models.Q(external_user=""),
            ),
            models.Index(fields=["workspace", "source", "-last_message_at"], name="agents_conv_source"),
            models.Index(fields=["workspace", "last_state", "-last_message_at"], name="agents_conv_state"),
            models.Index(
                fields=["workspace", "-last_message_at"],
                name="agents_conv_disliked",
                condition=models.Q(dislikes__gt=0),
            ),
            models.Index(
                fields=["workspace", "-last_message_at"],
                name="agents_conv_liked",
                condition=models.Q(likes__gt=0),
            ),
            models.Index(fields=["workspace", "-created_at"], name="agents_conv_newest"),
        ]

    def __str__(self) -> str:
        return self.title or str(_("New conversation"))

    @property
    def counterpart(self) -> str:
        """Whom the person talks to: the agent's name, or the workflow's."""
        return self.agent.name if self.agent is not None else self.workflow_name

    @property
    def person(self) -> str:
        """Who spoke, as far as it is known."""
        if self.user is not None:
            return str(self.user)
        return self.external_user or str(_("Unknown"))
