"""Registration of the workflows app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkflowsConfig(AppConfig):
    """Workflows: the durable engine, its nodes and the language they are written in."""

    name = "apps.workflows"
    label = "workflows"
    verbose_name = _("Workflows")

    def ready(self) -> None:
        """Mount the console's pages; execute runs beside requests; hear what happens; link traces back."""
        from django.db.models.signals import post_delete

        from apps.core.events import register_topic
        from apps.core.hooks import first_start, happened
        from apps.core.lifespan import companions
        from apps.core.metrics import register_gauges
        from apps.core.selectors import may_watch_workspace
        from apps.tracing import links
        from apps.tracing.models import Owner
        from apps.tracing.rollups import owners
        from apps.workflows.admin import register, table_routes
        from apps.workflows.links import SOURCE, run_link
        from apps.workflows.models import TableSpace
        from apps.workflows.runner.companion import executing
        from apps.workflows.selectors import open_runs
        from apps.workflows.services.data_table import space_deleted
        from apps.workflows.services.run import TOPIC
        from apps.workflows.services.starter_workspace import load_starter_workflows
        from apps.workflows.triggers.event import on_happening

        post_delete.connect(space_deleted, sender=TableSpace, dispatch_uid="workflows.table_space")
        register_gauges("workflow_runs", "Runs that have not ended.", ("state",), open_runs)
        register_topic(TOPIC, may_watch_workspace)
        register()
        table_routes.register_pages()
        first_start.register("starter workflows", load_starter_workflows)
        companions.register("workflows", executing)
        happened.register("workflows", on_happening)
        links.register(SOURCE, run_link)
        owners.register(SOURCE, Owner.WORKFLOW)
