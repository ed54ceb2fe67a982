"""Prompts, their versions and the labels that point at them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.agents.querysets import PromptLabelQuerySet, PromptQuerySet, PromptVersionQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel

#: The label that a reader gets who names neither label nor version.
DEFAULT_LABEL = "production"
#: Always the newest version; nobody can move it.
NEWEST = "latest"


class PromptType(models.TextChoices):
    """One text, or a list of messages."""

    TEXT = "text", _("Text")
    CHAT = "chat", _("Chat")


class Prompt(WorkspaceModel):
    """A name under which versions are kept; slashes in it make folders."""

    access = Access(extra={"execute": Role.VIEWER})

    name = models.CharField(_("name"), max_length=200)
    type = models.CharField(_("type"), max_length=8, choices=PromptType.choices)
    tags = ArrayField(models.CharField(max_length=100), verbose_name=_("tags"), default=list, blank=True)
    # number of the newest version
    newest = models.PositiveIntegerField(_("newest version"), default=0, editable=False)
    # counts every change, of labels and tags too: what the ETag says
    revision = models.PositiveIntegerField(default=0, editable=False)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="agents_prompt_name")]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="agents_prompt_newest")]

    def __str__(self) -> str:
        return self.name


class PromptVersion(WorkspaceModel):
    """What a prompt said at a time; never changed.

    `content` is a text, or a list of `{"role", "content"}` and `{"type": "placeholder", "name"}`.
    """

    access = Access()

    prompt = models.ForeignKey(
        Prompt, models.CASCADE, related_name="versions", verbose_name=_("prompt"), db_index=False
    )
    number = models.PositiveIntegerField(_("version"))
    content = JSONField(_("content"))
    variables = ArrayField(models.CharField(max_length=200), verbose_name=_("variables"), default=list)
    config = JSONField(_("settings"), default=dict, blank=True)
    commit_message = models.CharField(_("commit message"), max_length=500, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )

    objects = PromptVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = _("prompt version")
        verbose_name_plural = _("prompt versions")
        constraints = [
            models.UniqueConstraint(fields=["prompt", "number"], name="agents_promptversion_number")
        ]

    def __str__(self) -> str:
        return f"{self.prompt} · {self.number}"


class PromptLabel(WorkspaceModel):
    """A name that points at one version of a prompt, such as `production`."""

    access = Access()

    prompt = models.ForeignKey(
        Prompt, models.CASCADE, related_name="labels", verbose_name=_("prompt"), db_index=False
    )
    name = models.CharField(_("label"), max_length=36)
    version = models.ForeignKey(
        PromptVersion, models.CASCADE, related_name="labels", verbose_name=_("version")
    )

    objects = PromptLabelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("prompt label")
        verbose_name_plural = _("prompt labels")
        constraints = [models.UniqueConstraint(fields=["prompt", "name"], name="agents_promptlabel_once")]

    def __str__(self) -> str:
        return self.name
