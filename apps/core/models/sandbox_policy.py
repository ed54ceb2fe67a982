"""What the code of a workspace may use."""

from __future__ import annotations

import re

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models.base import WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet

_HOST = re.compile(
    r"^(?:\*\.)?(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$"
)


def check_host(text: str) -> None:
    """Raise `ValidationError` unless `text` is `host`, `host:port` or `*.domain`, in lower case."""
    if not _HOST.match(text):
        raise ValidationError(
            _("“%(host)s” is not a host name. Write api.example.com, api.example.com:8443 or *.example.com."),
            params={"host": text},
        )


def _between(lowest: float, highest: float) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(lowest), MaxValueValidator(highest)]


class SandboxPolicyQuerySet(WorkspaceQuerySet["SandboxPolicy"]):
    """Policies."""


class SandboxPolicy(WorkspaceModel):
    """Limits for user code, one row per workspace, made when somebody changes them; until then the defaults hold.

    The number of processes has no field: the system call filter always refuses a second one.
    """

    access = Access(
        view=Role.VIEWER, add=Role.ADMIN, change=Role.ADMIN, delete=Role.OWNER, extra={"run": Role.EDITOR}
    )

    cpu_s = models.FloatField(_("processor seconds"), default=5.0, validators=_between(0.1, 60))
    wall_s = models.FloatField(_("seconds"), default=10.0, validators=_between(0.1, 300))
    memory_mb = models.PositiveIntegerField(_("memory (MB)"), default=128, validators=_between(16, 2048))
    output_kb = models.PositiveIntegerField(_("printed text (KB)"), default=256, validators=_between(1, 4096))
    result_kb = models.PositiveIntegerField(_("result (KB)"), default=1024, validators=_between(1, 8192))
    depth = models.PositiveSmallIntegerField(_("levels of a result"), default=20, validators=_between(1, 100))
    string_chars = models.PositiveIntegerField(
        _("characters of one text"), default=400_000, validators=_between(100, 4_000_000)
    )
    file_mb = models.PositiveIntegerField(_("files handed back (MB)"), default=0, validators=_between(0, 32))
    concurrency = models.PositiveSmallIntegerField(
        _("at the same time"), default=8, validators=_between(1, 64)
    )
    hosts = ArrayField(
        models.CharField(max_length=260, validators=[check_host]),
        verbose_name=_("hosts that code may call"),
        default=list,
        blank=True,
        size=50,
    )

    objects = SandboxPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("sandbox policy")
        verbose_name_plural = _("sandbox policies")
        constraints = [
            models.UniqueConstraint(fields=["workspace"], name="core_sandbox_policy_once"),
            models.CheckConstraint(
                condition=models.Q(
                    cpu_s__gt=0, wall_s__gt=0, memory_mb__gt=0, depth__gt=0, concurrency__gt=0
                ),
                name="core_sandbox_policy_positive",
            ),
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)


POLICY_FIELDS = (
    "cpu_s",
    "wall_s",
    "memory_mb",
    "output_kb",
    "result_kb",
    "depth",
    "string_chars",
    "file_mb",
    "concurrency",
    "hosts",
)
