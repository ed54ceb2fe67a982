"""Where spans are sent on to."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.core.secrets import EncryptedJSONField
from apps.tracing.querysets import TraceForwarderQuerySet


class TraceForwarder(WorkspaceModel):
    """Sends a workspace's stored spans on to another OTLP back end, each at least once.

    `cursor_at` and `cursor_span` say up to where that has happened, in the order spans were received.
    """

    access: ClassVar[Access] = Access(view=Role.ADMIN, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    name = models.CharField(_("name"), max_length=100)
    endpoint = models.CharField(
        _("address"),
        max_length=500,
        help_text=_("Of the OTLP/HTTP door, such as https://otlp.example.com/v1/traces."),
    )
    headers = EncryptedJSONField(default=dict, blank=True)
    environments = JSONField(
        _("environments"), default=list, blank=True, help_text=_("Only these; empty: all.")
    )
    types = JSONField(_("types"), default=list, blank=True, help_text=_("Only these; empty: all."))
    sampling = models.FloatField(
        _("share of traces"),
        default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("1 sends all, 0.1 every tenth. A trace goes as a whole or not at all."),
    )
    with_content = models.BooleanField(_("with inputs and outputs"), default=True)
    enabled = models.BooleanField(_("switched on"), default=True)
    cursor_at = models.DateTimeField(_("sent up to"), default=timezone.now, editable=False)
    cursor_span = models.BigIntegerField(default=-(2**63), editable=False)
    sent_count = models.BigIntegerField(_("spans sent"), default=0, editable=False)
    error = models.TextField(_("last error"), blank=True, default="", editable=False)
    failed_at = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)

    objects = TraceForwarderQuerySet.as_manager()

    class Meta:
        verbose_name = _("trace forwarder")
        verbose_name_plural = _("trace forwarders")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="tracing_forwarder_name")]

    def __str__(self) -> str:
        return self.name
