"""What must not be stored."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import MaskingRuleQuerySet


class MaskingKind(models.TextChoices):
    """What a rule looks for."""

    EMAIL = "email", _("E-mail addresses")
    PHONE = "phone", _("Telephone numbers")
    CARD = "card", _("Card numbers")
    IP = "ip", _("IP addresses")
    IBAN = "iban", _("Account numbers (IBAN)")
    IDENTITY = "identity", _("Identity numbers (China)")
    SECRET = "secret", _("Keys and tokens")
    PATTERN = "pattern", _("A pattern of your own")


class MaskingRule(WorkspaceModel):
    """Takes personal data out of spans before they are stored."""

    access: ClassVar[Access] = Access(view=Role.EDITOR, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("looks for"), max_length=12, choices=MaskingKind.choices)
    pattern = models.CharField(
        _("pattern"),
        max_length=1_000,
        blank=True,
        help_text=_("A regular expression, for a pattern of your own."),
    )
    replacement = models.CharField(
        _("replacement"),
        max_length=100,
        blank=True,
        help_text=_("Stands in its place; empty: the kind in brackets."),
    )
    enabled = models.BooleanField(_("switched on"), default=True)

    objects = MaskingRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("masking rule")
        verbose_name_plural = _("masking rules")
        ordering = ["created_at"]
        indexes = [models.Index(fields=["workspace", "created_at"], name="tracing_maskingrule_list")]

    def __str__(self) -> str:
        return self.name
