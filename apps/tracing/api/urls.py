"""Routes of the tracing API."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.tracing.api import views
from apps.tracing.api.alert import AlertViewSet
from apps.tracing.api.comment import CommentViewSet
from apps.tracing.api.dashboard import DashboardViewSet
from apps.tracing.api.media import MediaContentView, MediaListView, MediaView
from apps.tracing.api.metric import MetricsView
from apps.tracing.api.payload import ConversationView, PayloadFileView, PayloadPieceView
from apps.tracing.api.retention import TraceRetentionView
from apps.tracing.api.trace_exports import TraceExportViewSet

router = SimpleRouter()
router.register("alerts", AlertViewSet, basename="alert")
router.register("dashboards", DashboardViewSet, basename="dashboard")
router.register("comments", CommentViewSet, basename="comment")
router.register("scores", views.ScoreViewSet, basename="score")
router.register("trace-exports", TraceExportViewSet, basename="trace-export")

urlpatterns = [
    path("metrics/", MetricsView.as_view(), name="metric-list"),
    path("traces/", views.TraceListView.as_view(), name="trace-list"),
    path("traces/<str:trace_id>/", views.TraceView.as_view(), name="trace-detail"),
    path(
        "observations/<str:trace_id>/<str:span_id>/",
        views.ObservationView.as_view(),
        name="observation-detail",
    ),
    path(
        "observations/<str:trace_id>/<str:span_id>/payload/",
        PayloadPieceView.as_view(),
        name="observation-payload",
    ),
    path(
        "observations/<str:trace_id>/<str:span_id>/payload/file/",
        PayloadFileView.as_view(),
        name="observation-payload-file",
    ),
    path(
        "observations/<str:trace_id>/<str:span_id>/conversation/",
        ConversationView.as_view(),
        name="observation-conversation",
    ),
    path("trace-retention/", TraceRetentionView.as_view(), name="trace-retention"),
    path("media/", MediaListView.as_view(), name="media-list"),
    path("media/<str:media_id>/", MediaView.as_view(), name="media-detail"),
    path("media/<str:media_id>/content/", MediaContentView.as_view(), name="media-content"),
    path("", include(router.urls)),
]
