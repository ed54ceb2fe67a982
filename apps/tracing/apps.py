"""Registration of the tracing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TracingConfig(AppConfig):
    """Traces, observations and scores."""

    name = "apps.tracing"
    label = "tracing"
    verbose_name = _("Tracing")
