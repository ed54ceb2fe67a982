"""Registration of the annotations app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnnotationsConfig(AppConfig):
    """Annotation queues, corrections, datasets and exports."""

    name = "apps.annotations"
    label = "annotations"
    verbose_name = _("Annotations")

    def ready(self) -> None:
        """Register formats of plugins, the topic of queues, and the console's pages."""
        from apps.annotations.exporters import load_plugins
        from apps.annotations.progress import TOPIC
        from apps.annotations.selectors import may_watch_queue
        from apps.core.events import register_topic

        load_plugins()
        register_topic(TOPIC, may_watch_queue)
