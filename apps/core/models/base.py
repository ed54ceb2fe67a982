"""What every object of a workspace has."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.ids import uuid7
from apps.core.models.workspace import Workspace


class WorkspaceModel(models.Model):
    """Abstract base: a time-ordered id, the workspace, and two times. `access` says which role may do what."""

    access: ClassVar[Access] = Access()

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", verbose_name=_("workspace"), editable=False
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        abstract = True
