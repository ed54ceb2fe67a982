"""The command palette: pages by name, objects by theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.text import capfirst

from apps.core.admin.navigation import sidebar
from apps.core.admin.pages import ConsolePage
from apps.core.models import Workspace
from apps.core.querysets import WorkspaceQuerySet

PER_MODEL = 5
SHORTEST_TERM = 2  # letters before objects are searched


class PalettePage(ConsolePage):
    """Answers `?q=` with what the person may open: JSON for `core/js/palette.js`."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Find pages and objects."""
        term = request.GET.get("q", "").strip()[:100]
        found = sorted(pages_named(request, term), key=lambda page: not _starts(page["title"], term))
        if len(term) >= SHORTEST_TERM:
            found += objects_found(request, self.workspace, term)
        return JsonResponse({"items": found})


def _starts(title: str, term: str) -> bool:
    return title.casefold().startswith(term.casefold())


def pages_named(request: HttpRequest, term: str) -> Iterator[dict[str, str]]:
    """Yield the entries of the navigation whose title contains `term`."""
    for group in sidebar(request):
        for item in group["items"]:
            if term.casefold() in str(item["title"]).casefold():
                yield {
                    "title": str(item["title"]),
                    "hint": str(group.get("title", "")),
                    "url": str(item["link"]),
                    "icon": str(item["icon"]),
                }


def objects_found(request: HttpRequest, workspace: Workspace, term: str) -> Iterator[dict[str, str]]:
    """Yield the first objects of each kind that match `term` and that the person may see."""
    known = {model._meta.label_lower: model for model in apps.get_models()}
    for label, field, page in settings.PALETTE_OBJECTS:
        model = known.get(label)
        if model is None:
            continue
        objects = cast("WorkspaceQuerySet[Any]", model._default_manager.all())
        seen = objects.in_workspace(workspace).visible_to(request.user)
        for obj in seen.filter(**{f"{field}__icontains": term})[:PER_MODEL]:
            yield {
                "title": str(getattr(obj, field)),
                "hint": capfirst(str(model._meta.verbose_name)),
                "url": reverse(page, args=[obj.pk]),
                "icon": "draft",
            }
