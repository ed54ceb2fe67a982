"""The tenant, and who belongs to it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.ids import uuid7
from apps.core.querysets import WorkspaceListQuerySet, WorkspaceQuerySet


class Workspace(models.Model):
    """A team's space. Every other object belongs to exactly one."""

    access = Access(
        add=Role.OWNER,
        change=Role.ADMIN,
        delete=Role.OWNER,
        extra={"manage": Role.ADMIN, "edit": Role.EDITOR},
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    allow_private_network = models.BooleanField(
        _("allow private addresses"),
        default=False,
        help_text=_("Let tools and HTTP nodes of this workspace call addresses inside your network."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = WorkspaceListQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(WorkspaceQuerySet["Membership"]):
    """Memberships."""


class Membership(models.Model):
    """A person's role in a workspace."""

    access = Access(view=Role.VIEWER, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="memberships", verbose_name=_("workspace")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="core_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"
