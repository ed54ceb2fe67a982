"""Registration of the interop app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InteropConfig(AppConfig):
    """Adapters that speak other products' APIs and file formats; no domain logic."""

    name = "apps.interop"
    label = "interop"
    verbose_name = _("Interop")
