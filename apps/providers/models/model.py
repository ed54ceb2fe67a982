"""One thing a provider offers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.providers.models.provider import Provider
from apps.providers.querysets import ModelQuerySet

DEFAULT_TIMEOUT_S = 60


class ModelSlot(models.TextChoices):
    """What a model is used for."""

    CHAT = "chat", _("Chat")
    EMBEDDING = "embedding", _("Embedding")
    RERANK = "rerank", _("Reranking")


def _price_field(label: Any) -> Any:
    return models.DecimalField(
        label,
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )


class Model(WorkspaceModel):
    """A model with its limits and prices (US dollars per million tokens; empty: the public price list)."""

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN, extra={"test": Role.ADMIN}
    )

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="models", verbose_name=_("provider"))
    slot = models.CharField(_("used for"), max_length=20, choices=ModelSlot.choices, default=ModelSlot.CHAT)
    name = models.CharField(
        _("model name"), max_length=200, help_text=_("As the provider calls it, for example gpt-4o-mini")
    )
    title = models.CharField(_("display name"), max_length=120, blank=True)
    context_window = models.PositiveIntegerField(_("context window (tokens)"), null=True, blank=True)
    dimensions = models.PositiveIntegerField(
        _("dimensions"), null=True, blank=True, help_text=_("Length of the vectors of an embedding model.")
    )
    # What is special: {"tools": true, "languages": ["en"], "rerank_style": "tei", "dimensions": true,
    # "query_prefix": "query: ", "document_prefix": "passage: "}. What is missing has the gateway's defaults.
    abilities = JSONField(_("abilities"), default=dict, blank=True)
    input_price = _price_field(_("input price"))
    output_price = _price_field(_("output price"))
    cached_price = _price_field(_("price of cached input"))
    max_concurrency = models.PositiveIntegerField(
        _("calls at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Per server process; further calls wait their turn. Empty: no limit."),
    )
    timeout_s = models.PositiveIntegerField(
        _("timeout (seconds)"),
        default=DEFAULT_TIMEOUT_S,
        validators=[MinValueValidator(1)],
        help_text=_("Longest silence: before the first token, and between two tokens."),
    )
    fallback = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("fallback"),
        help_text=_("Called when this model fails before its first token."),
    )
    is_default = models.BooleanField(_("default"), default=False, editable=False)
    enabled = models.BooleanField(_("switched on"), default=True)

    objects = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["slot", "created_at"]
        verbose_name = _("model")
        verbose_name_plural = _("models")
        constraints = [
            models.UniqueConstraint(fields=["provider", "slot", "name"], name="providers_model_once"),
            models.UniqueConstraint(
                fields=["workspace", "slot"],
                condition=models.Q(is_default=True),
                name="providers_model_one_default",
            ),
            models.CheckConstraint(
                condition=~models.Q(fallback=models.F("id")), name="providers_model_not_its_own_fallback"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "slot", "created_at"], name="providers_model_list")]

    def __str__(self) -> str:
        return self.title or self.name
