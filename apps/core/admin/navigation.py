"""The sidebar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.admin.role import role_allows
from apps.core.models import User


class Section(IntEnum):
    """Groups of the sidebar, in order."""

    BUILD = 1
    OBSERVE = 2
    IMPROVE = 3
    SETTINGS = 4
    INSTALLATION = 5


SECTION_TITLES: dict[Section, Promise] = {
    Section.BUILD: _("Build"),
    Section.OBSERVE: _("Observe"),
    Section.IMPROVE: _("Improve"),
    Section.SETTINGS: _("Settings"),
    Section.INSTALLATION: _("Installation"),
}


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the sidebar. `prefix` (default: the link) marks it active on every page below."""

    section: Section
    title: str | Promise
    icon: str
    url_name: str
    order: int
    action: str
    model: str
    superuser: bool = False
    badge: Callable[[HttpRequest], str] | None = None


_items: dict[str, NavItem] = {}


def register(
    section: str,
    title: str | Promise,
    icon: str,
    url_name: str,
    order: int,
    *,
    action: str = "view",
    model: str = "",
    superuser: bool = False,
    badge: Callable[[HttpRequest], str] | None = None,
) -> None:
    """Add an entry, shown to those who may do `action` on `model`.

    `section` is Build, Observe, Improve, Settings or Installation; `icon` is a Material Symbols name; `badge` gives a
    short text beside the title, "" for none. It is asked for with every page: it must cost next to nothing.
    """
    _items[url_name] = NavItem(
        Section[section.upper()], title, icon, url_name, order, action, model, superuser, badge
    )


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return Unfold's navigation structure for one request."""
    home = {"title": _("Overview"), "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for section in Section:
        entries = sorted(
            (item for item in _items.values() if item.section is section), key=lambda item: item.order
        )
        shown = [_entry(request, item) for item in entries if _may_see(request, item)]
        if shown:
            groups.append({"title": SECTION_TITLES[section], "separator": True, "items": shown})
    _mark_active(request.path, [entry for group in groups for entry in group["items"]])
    return groups


def _mark_active(path: str, entries: list[dict[str, Any]]) -> None:
    """Mark the entry with the longest address that `path` lies below: addresses may contain one another."""
    home = reverse("admin:index")
    above = [
        entry
        for entry in entries
        if path == entry["link"] or (entry["link"] != home and path.startswith(entry["link"]))
    ]
    nearest = max(above, key=lambda entry: len(entry["link"]), default=None)
    for entry in entries:
        entry["active"] = entry is nearest


def _entry(request: HttpRequest, item: NavItem) -> dict[str, Any]:
    badge = item.badge(request) if item.badge else ""
    return {"title": item.title, "icon": item.icon, "link": reverse(item.url_name), "badge": badge}


def _may_see(request: HttpRequest, item: NavItem) -> bool:
    user = request.user
    if not isinstance(user, User):
        return False
    if item.superuser:
        return user.is_superuser
    workspace = getattr(request, "workspace", None)
    if not item.model:
        return True
    if not workspace:
        return False
    return role_allows(request, item.action, apps.get_model(item.model))
