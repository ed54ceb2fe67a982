"""A connection to somebody who runs models."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.core.secrets import EncryptedJSONField
from apps.providers.querysets import ProviderQuerySet


class ProviderKind(models.TextChoices):
    """Which driver speaks to it (`apps.providers.drivers`)."""

    OPENAI_COMPATIBLE = "openai_compatible", _("OpenAI-compatible")
    LOCAL = "local", _("Built in")


class TestResult(models.TextChoices):
    """What the last connection test found."""

    UNTESTED = "untested", _("Not tested")
    OK = "ok", _("Works")
    FAILED = "failed", _("Does not work")


class Provider(WorkspaceModel):
    """An endpoint and its key. `credentials` holds `{"api_key": …}`; it is written, and never shown again."""

    access: ClassVar[Access] = Access(
        view=Role.EDITOR, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN, extra={"test": Role.ADMIN}
    )

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(
        _("kind"), max_length=30, choices=ProviderKind.choices, default=ProviderKind.OPENAI_COMPATIBLE
    )
    base_url = models.CharField(
        _("base URL"),
        max_length=500,
        blank=True,
        help_text=_("Up to where /chat/completions begins, for example https://api.openai.com/v1"),
    )
    credentials = EncryptedJSONField(_("credentials"), default=dict)
    settings = JSONField(_("settings"), default=dict, blank=True)
    enabled = models.BooleanField(_("switched on"), default=True)
    test_result = models.CharField(
        _("connection"),
        max_length=10,
        choices=TestResult.choices,
        default=TestResult.UNTESTED,
        editable=False,
    )
    test_message = models.CharField(max_length=500, blank=True, editable=False)
    tested_at = models.DateTimeField(_("tested"), null=True, editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name = _("model provider")
        verbose_name_plural = _("model providers")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="providers_provider_name"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(kind="local"), name="providers_provider_one_local"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "created_at"], name="providers_provider_list")]

    def __str__(self) -> str:
        return self.name

    @property
    def has_key(self) -> bool:
        """True when a key is stored."""
        return bool(self.credentials.get("api_key"))

    @property
    def is_local(self) -> bool:
        """True for the built-in provider, which can't be edited away."""
        return self.kind == ProviderKind.LOCAL
