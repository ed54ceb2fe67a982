"""Agents."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.agents.querysets import AgentQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel

MAX_SUGGESTIONS = 6


class Agent(WorkspaceModel):
    """Instructions, a chat model and knowledge: something people can talk to."""

    access = Access(extra={"chat": Role.VIEWER, "share": Role.EDITOR})

    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=400, blank=True)
    instructions = models.TextField(
        _("instructions"), blank=True, help_text=_("Who the agent is, what it does, how it speaks.")
    )
    prompt = models.ForeignKey(
        "agents.Prompt",
        # a prompt that agents speak by can't be deleted; with its workspace it can
        models.RESTRICT,
        null=True,
        blank=True,
        related_name="agents",
        verbose_name=_("prompt"),
        help_text=_("Instructions kept under versions; they stand before the agent's own."),
    )
    prompt_label = models.CharField(
        _("prompt label"),
        max_length=36,
        blank=True,
        help_text=_("Which version, read anew with every question; empty means production."),
    )
    prompt_version = models.PositiveIntegerField(
        _("prompt version"),
        null=True,
        blank=True,
        help_text=_("One version for good, instead of a label."),
    )
    #: Values of the prompt's variables, where a conversation brings none of its own.
    prompt_variables = JSONField(_("values of the variables"), default=dict, blank=True)
    model = models.ForeignKey(
        "providers.Model",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="agents",
        verbose_name=_("model"),
        help_text=_("The chat model that writes the answers."),
    )
    knowledge_bases = models.ManyToManyField(
        "knowledge.KnowledgeBase", blank=True, related_name="agents", verbose_name=_("knowledge")
    )
    retrieval = JSONField(_("retrieval settings"), default=dict, blank=True)
    temperature = models.FloatField(
        _("temperature"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text=_("0 is sober, 1 is lively; empty leaves it to the model."),
    )
    max_tokens = models.PositiveIntegerField(
        _("longest answer"), null=True, blank=True, help_text=_("In tokens; empty leaves it to the model.")
    )
    history_window = models.PositiveSmallIntegerField(
        _("memory"),
        default=12,
        validators=[MaxValueValidator(200)],
        help_text=_("How many earlier messages go along with a question."),
    )
    opening = models.TextField(_("opening"), blank=True, help_text=_("Shown before the first question."))
    suggested_questions = JSONField(_("suggested questions"), default=list, blank=True)
    share_token = models.CharField(max_length=43, null=True, blank=True, unique=True, editable=False)
    share_enabled = models.BooleanField(_("public page"), default=False, editable=False)

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        indexes = [
            models.Index(fields=["workspace", "name"], name="agents_agent_by_name"),
            models.Index(fields=["workspace", "-created_at"], name="agents_agent_newest"),
        ]

    def __str__(self) -> str:
        return self.name
