"""Who did what."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.ids import uuid7
from apps.core.json import JSONField
from apps.core.models.workspace import Workspace
from apps.core.querysets import WorkspaceQuerySet


class AuditEntryQuerySet(WorkspaceQuerySet["AuditEntry"]):
    """Audit entries."""


class AuditEntry(models.Model):
    """One write by one actor. Append-only: a database trigger refuses changes.

    Actor and workspace are kept as plain values, without foreign keys in the database, because an entry outlives both.
    """

    access = Access(view=Role.ADMIN, add=Role.OWNER, change=Role.OWNER, delete=Role.OWNER)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace,
        models.DO_NOTHING,
        related_name="+",
        null=True,
        db_constraint=False,
        verbose_name=_("workspace"),
    )
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(_("actor"), max_length=200)
    api_key_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(_("address"), null=True)
    action = models.CharField(_("action"), max_length=80)
    object_type = models.CharField(_("object type"), max_length=80)
    object_id = models.CharField(_("object id"), max_length=64)
    object_label = models.CharField(_("object"), max_length=200)
    changes = JSONField(_("changes"), default=dict)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="core_audit_list"),
            models.Index(fields=["object_type", "object_id", "-created_at"], name="core_audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label}: {self.action} {self.object_label}"
