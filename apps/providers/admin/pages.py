"""Choosing from what a provider offers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError
from apps.providers.models import Model, Provider, ProviderKind
from apps.providers.presets import guess_slot, is_snapshot, pick_chat_model
from apps.providers.services.connection import list_offered_models
from apps.providers.services.model import add_models

MAX_SHOWN = 500


class OfferedModelsPage(ConsolePage):
    """The models of a provider, to be ticked."""

    title = _("Choose models")
    template_name = "providers/offered_models.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Those who may add models."""
        if not permissions.allows_in(request.user, "add", Model, self.workspace):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """What the provider answers, or why it does not."""
        provider = self._provider(kwargs["pk"])
        context: dict[str, Any] = {"provider": provider, "offered": [], "problem": ""}
        try:
            names = list_offered_models(actor=self.actor, provider=provider)
        except FlywheelError as error:
            return {**context, "problem": str(error.detail)}
        return {**context, "offered": self._rows(provider, names[:MAX_SHOWN])}

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Add the ticked ones."""
        provider = self._provider(kwargs["pk"])
        try:
            added = add_models(actor=self.actor, provider=provider, names=request.POST.getlist("model"))
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.path)
        count = len(added)
        messages.success(
            request, ngettext("%(count)d model added.", "%(count)d models added.", count) % {"count": count}
        )
        return redirect(f"{reverse('admin:providers_model_changelist')}?provider__id__exact={provider.pk}")

    def _provider(self, pk: Any) -> Provider:
        visible = Provider.objects.in_workspace(self.workspace).visible_to(self.request.user)
        remote = visible.select_related("workspace").exclude(kind=ProviderKind.LOCAL)
        provider: Provider | None = remote.filter(pk=pk).first()
        if provider is None:
            raise Http404
        return provider

    def _rows(self, provider: Provider, names: list[str]) -> list[dict[str, Any]]:
        known = set(provider.models.values_list("name", flat=True))
        first = pick_chat_model([name for name in names if not is_snapshot(name)])
        rows: list[dict[str, Any]] = []
        for name in names:
            slot = guess_slot(name)
            ticked = not known and (name == first or (slot is not None and len(names) <= 5))
            rows.append({"name": name, "slot": slot, "known": name in known, "ticked": ticked})
        # What is hardly wanted here (speech, images, dated copies) comes last.
        rows.sort(key=lambda row: (row["slot"] is None, is_snapshot(row["name"]), row["name"]))
        return rows
