"""The command palette: pages by name, objects by their search fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.text import capfirst

from apps.core.admin.navigation import sidebar
from apps.core.admin.pages import ConsolePage

PER_MODEL = 5
SHORTEST_TERM = 2  # letters before objects are searched


class PalettePage(ConsolePage):
    """Answers `?q=` with what the person may open: JSON for `core/js/palette.js`."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Find pages and objects."""
        term = request.GET.get("q", "").strip()[:100]
        found = sorted(pages_named(request, term), key=lambda page: not _starts(page["title"], term))
        if len(term) >= SHORTEST_TERM and self.admin_site is not None:
            found += objects_found(self.admin_site, request, term)
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


def objects_found(site: AdminSite, request: HttpRequest, term: str) -> Iterator[dict[str, str]]:
    """Yield the first objects of each kind that match `term`, through the visibility of their list."""
    known = {model._meta.label_lower: model for model in apps.get_models()}
    for model in filter(None, map(known.get, settings.PALETTE_MODELS)):
        if not site.is_registered(model):
            continue
        admin = site.get_model_admin(model)
        if not admin.get_search_fields(request) or not admin.has_view_permission(request):
            continue
        matches, _duplicates = admin.get_search_results(request, admin.get_queryset(request), term)
        for obj in matches[:PER_MODEL]:
            yield {
                "title": str(obj),
                "hint": capfirst(str(model._meta.verbose_name)),
                "url": reverse(
                    f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[obj.pk]
                ),
                "icon": "draft",
            }
