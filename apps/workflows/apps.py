"""Registration of the workflows app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkflowsConfig(AppConfig):
    """Workflows: the durable engine, its nodes and the language they are written in."""

    name = "apps.workflows"
    label = "workflows"
    verbose_name = _("Workflows")
