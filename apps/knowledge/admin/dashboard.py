"""What the start page says about knowledge."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.admin.dashboard import Step
from apps.core.models import Workspace
from apps.knowledge.models import Document, DocumentState


def documents_step(request: HttpRequest) -> Step:
    """Add documents."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return Step(
        title=_("Add documents"),
        hint=_("Drop files into a knowledge base and watch them being indexed."),
        url=reverse("admin:knowledge_bases"),
        done=Document.objects.in_workspace(workspace).filter(state=DocumentState.READY).exists(),
    )
