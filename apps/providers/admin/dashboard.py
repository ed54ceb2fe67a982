"""What the start page says about models."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.admin.dashboard import Step
from apps.core.models import Workspace
from apps.providers.models import Model, ModelSlot, ProviderKind


def connect_step(request: HttpRequest) -> Step:
    """Connect a model that writes its own words."""
    workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    models = Model.objects.for_slot(workspace, ModelSlot.CHAT)
    return Step(
        title=_("Connect a model"),
        hint=_("Until then answers are quotes from the sources."),
        url=reverse("admin:providers_provider_changelist"),
        done=models.exclude(provider__kind=ProviderKind.LOCAL).exists(),
    )
