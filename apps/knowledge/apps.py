"""Registration of the knowledge app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    """Knowledge bases: parsing, chunking, indexing and retrieval."""

    name = "apps.knowledge"
    label = "knowledge"
    verbose_name = _("Knowledge")
