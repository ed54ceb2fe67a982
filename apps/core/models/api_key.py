"""Keys for programs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models.base import WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet


class Scope(models.TextChoices):
    """What a key may be used for. A key never does more than its owner's role allows."""

    READ = "read", _("Read")
    WRITE = "write", _("Write")
    CHAT = "chat", _("Chat with agents")
    INGEST = "ingest", _("Send traces and scores")


class ApiKeyQuerySet(WorkspaceQuerySet["ApiKey"]):
    """API keys."""


class ApiKey(WorkspaceModel):
    """A key `fw_<prefix>_<secret>`; only a hash of the secret is stored."""

    access = Access(view=Role.ADMIN, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys", verbose_name=_("acts for")
    )
    name = models.CharField(_("name"), max_length=120)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope.choices), verbose_name=_("scopes"), default=list
    )
    rate_limit_per_minute = models.PositiveIntegerField(_("requests per minute"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        indexes = [models.Index(fields=["workspace", "-created_at"], name="core_apikey_list")]

    def __str__(self) -> str:
        return f"{self.name} (fw_{self.prefix}_…)"

    @property
    def is_usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
