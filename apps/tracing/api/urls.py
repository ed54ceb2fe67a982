"""Routes of the tracing API."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.tracing.api import views

router = SimpleRouter()
router.register("scores", views.ScoreViewSet, basename="score")

urlpatterns = [
    path("traces/", views.TraceListView.as_view(), name="trace-list"),
    path("traces/<str:trace_id>/", views.TraceView.as_view(), name="trace-detail"),
    path(
        "observations/<str:trace_id>/<str:span_id>/",
        views.ObservationView.as_view(),
        name="observation-detail",
    ),
    path("", include(router.urls)),
]
