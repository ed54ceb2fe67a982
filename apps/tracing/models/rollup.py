"""Sums over the observations of a minute, an hour, six hours or a day, written by `services.rollup` alone."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import Workspace


class Grain(models.IntegerChoices):
    """How long a row's time is, in minutes."""

    MINUTE = 1, _("Minute")
    HOUR = 60, _("Hour")
    QUARTER = 360, _("Quarter of a day")
    DAY = 1440, _("Day")


class Measure(models.IntegerChoices):
    """What the slots of a row are slots of. Tokens, cost and errors stand in the rows of the latency."""

    LATENCY = 0, _("Latency")
    TTFT = 1, _("Time to first token")


class Rollup(models.Model):
    """Observations of one kind whose duration lies in one slot of the histogram.

    `name` is the root step's name, which is the trace's; other steps have none, and so are counted by type and model.
    """

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey(
        "workspace_id", "grain", "bucket", "measure", "type", "model", "environment", "name", "slot"
    )
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    grain = models.SmallIntegerField(_("grain"), choices=Grain.choices)
    bucket = models.DateTimeField(_("from"))
    measure = models.SmallIntegerField(_("measure"), choices=Measure.choices)
    type = models.TextField(_("type"))
    model = models.TextField(_("model"))
    environment = models.TextField(_("environment"))
    name = models.TextField(_("trace"))
    slot = models.SmallIntegerField(_("slot"))
    count = models.BigIntegerField(_("count"))
    errors = models.BigIntegerField(_("errors"))
    input_tokens = models.BigIntegerField(_("input tokens"))
    output_tokens = models.BigIntegerField(_("output tokens"))
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10)

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")

    def __str__(self) -> str:
        return f"{self.bucket} {self.type} {self.model}"


class UserRollup(models.Model):
    """What one user's observations of an hour or a day add up to."""

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "grain", "bucket", "user_id")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    grain = models.SmallIntegerField(_("grain"), choices=Grain.choices)
    bucket = models.DateTimeField(_("from"))
    user_id = models.TextField(_("user"))
    traces = models.BigIntegerField(_("traces"))
    errors = models.BigIntegerField(_("errors"))
    tokens = models.BigIntegerField(_("tokens"))
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10)

    class Meta:
        verbose_name = _("rollup of a user")
        verbose_name_plural = _("rollups of users")
        indexes = [
            models.Index(fields=["workspace", "user_id", "grain", "bucket"], name="tracing_userrollup_user"),
        ]

    def __str__(self) -> str:
        return f"{self.bucket} {self.user_id}"


class RollupProgress(models.Model):
    """Up to where received observations have been added up. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    received_before = models.DateTimeField(_("received before"))

    class Meta:
        verbose_name = _("progress of the rollups")
        verbose_name_plural = _("progress of the rollups")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="tracing_rollup_one_row")]

    def __str__(self) -> str:
        return str(self.received_before)
