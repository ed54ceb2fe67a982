"""Console pages of workflows."""

from __future__ import annotations


def register() -> None:
    """Mount the pages, add the navigation entries and what the start page shows; called from `apps.py`."""
    from django.utils.translation import gettext_lazy as _

    from apps.core.admin import dashboard as start_page
    from apps.core.admin import navigation
    from apps.core.admin.pages import register as page
    from apps.workflows.admin import (
        api_page,
        chat,
        dashboard,
        editor,
        node_type,
        run,
        run_form,
        run_page,
        settings,
        trigger,
        version,
        wait,
        workflow,
    )

    page("workflows/", workflow.WorkflowListPage, "workflows_workflows")
    page("workflows/node-types/", node_type.NodeTypesPage, "workflows_node_types")
    page("workflows/runs/", run.RunListPage, "workflows_runs")
    page("workflows/runs/<uuid:run_id>/", run_page.RunPage, "workflows_run")
    page("workflows/runs/<uuid:run_id>/events/", run_page.RunEventsPage, "workflows_run_events")
    page("workflows/waits/", wait.WaitsPage, "workflows_waits")
    page("workflows/<uuid:pk>/", workflow.OverviewPage, "workflows_workflow")
    page("workflows/<uuid:pk>/export/", workflow.ExportPage, "workflows_export")
    page("workflows/<uuid:pk>/edit/", editor.EditorPage, "workflows_workflow_editor")
    page("workflows/<uuid:pk>/check/", editor.CheckPage, "workflows_check")
    page("workflows/<uuid:pk>/publish/", version.PublishPage, "workflows_publish")
    page("workflows/<uuid:pk>/versions/", version.VersionsPage, "workflows_versions")
    page("workflows/<uuid:pk>/diff/", version.DiffPage, "workflows_version_diff")
    page("workflows/<uuid:pk>/triggers/", trigger.TriggersPage, "workflows_triggers")
    page("workflows/<uuid:pk>/settings/", settings.SettingsPage, "workflows_settings")
    page("workflows/<uuid:pk>/api/", api_page.ApiPage, "workflows_api")
    page("workflows/<uuid:pk>/run/", run_form.RunFormPage, "workflows_workflow_run_form")
    page("workflows/<uuid:pk>/chat/", chat.ChatPage, "workflows_chat")

    navigation.register(
        "build", _("Workflows"), "schema", "admin:workflows_workflows", 15, model="workflows.Workflow"
    )
    navigation.register(
        "observe", _("Workflow runs"), "play_circle", "admin:workflows_runs", 5, model="workflows.WorkflowRun"
    )
    navigation.register(
        "observe", _("Waiting for an answer"), "inbox", "admin:workflows_waits", 6,
        action="answer", model="workflows.RunWait", badge=wait.open_count,
    )  # fmt: skip
    start_page.register_card(20, dashboard.runs_card)
    start_page.register_step(45, dashboard.run_step)
