"""Registration of the annotations app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnnotationsConfig(AppConfig):
    """Annotation queues, corrections, datasets with their runs, and exports."""

    name = "apps.annotations"
    label = "annotations"
    verbose_name = _("Annotations")

    def ready(self) -> None:
        """Register formats of plugins, the topic of queues, and what the console shows."""
        from apps.annotations import bulk
        from apps.annotations.admin import actions, pages, panels, runs
        from apps.annotations.exporters import load_plugins
        from apps.annotations.progress import TOPIC
        from apps.annotations.selectors import may_watch_queue
        from apps.annotations.services.span_run import MARK, keep_runs
        from apps.annotations.services.starter_workspace import load_starter_workspace
        from apps.core.admin import dashboard, extensions, navigation
        from apps.core.admin.pages import register
        from apps.core.events import register_topic
        from apps.core.hooks import first_start
        from apps.tracing import stored
        from apps.tracing.panels import register as register_panel

        load_plugins()
        bulk.register_all()
        stored.register("annotations.dataset_runs", stored.Listener(MARK, keep_runs))
        register_topic(TOPIC, may_watch_queue)
        register("annotations/queues/<uuid:queue_id>/desk/", pages.DeskPage, "annotations_desk")
        register("annotations/queues/<uuid:queue_id>/fill/", pages.FillPage, "annotations_fill")
        register("annotations/add-answer/", pages.AddAnswerPage, "annotations_add_answer")
        register("annotations/datasets/<uuid:dataset_id>/", pages.DatasetItemsPage, "annotations_dataset")
        register(
            "annotations/datasets/<uuid:dataset_id>/runs/", runs.DatasetRunsPage, "annotations_dataset_runs"
        )
        register(
            "annotations/datasets/<uuid:dataset_id>/runs/<uuid:run_id>/",
            runs.DatasetRunPage,
            "annotations_dataset_run",
        )
        navigation.register(
            "Improve",
            _("Annotation queues"),
            "rate_review",
            "admin:annotations_annotationqueue_changelist",
            10,
            model="annotations.AnnotationQueue",
        )
        navigation.register(
            "Improve",
            _("Datasets"),
            "dataset",
            "admin:annotations_dataset_changelist",
            20,
            model="annotations.Dataset",
        )
        navigation.register(
            "Improve",
            _("Exports"),
            "file_download",
            "admin:annotations_export_changelist",
            30,
            model="annotations.Export",
        )
        dashboard.register_card(50, panels.open_tasks_card)
        dashboard.register_step(50, panels.judge_step)
        dashboard.register_step(60, panels.export_step)
        extensions.register_action("agents.conversation", actions.add_to_queue)
        register_panel(panels.trace_panel)
        first_start.register("starter workspace", load_starter_workspace)
