"""Routes of workflows below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.workflows.api import files
from apps.workflows.api.node_types import DocumentSchemaView, NodeTypesView
from apps.workflows.api.runs import RunEventsView, RunStartView, RunViewSet, TryNodeView, WaitViewSet
from apps.workflows.api.tables import DataTableViewSet
from apps.workflows.api.triggers import TriggerViewSet
from apps.workflows.api.views import WorkflowViewSet

router = SimpleRouter()
router.register("workflows", WorkflowViewSet)
router.register("runs", RunViewSet, basename="run")
router.register("run-waits", WaitViewSet, basename="run-wait")
router.register("tables", DataTableViewSet, basename="table")
router.register("triggers", TriggerViewSet)

urlpatterns = [
    path("workflows/<uuid:pk>/run", RunStartView.as_view(), name="workflow-run"),
    path("workflows/<uuid:pk>/nodes/<str:node_id>/try", TryNodeView.as_view(), name="workflow-try-node"),
    path("runs/<uuid:pk>/events", RunEventsView.as_view(), name="run-events"),
    path("node-types/", NodeTypesView.as_view(), name="node-types"),
    path("workflow-schema/", DocumentSchemaView.as_view(), name="workflow-schema"),
    *files.urlpatterns,
    *router.urls,
]
