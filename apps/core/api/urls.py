"""Routes of the platform's resources."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from apps.core.api import views
from apps.core.api.sandbox import SandboxRunView, SandboxView

router = SimpleRouter()
router.register("workspaces", views.WorkspacesViewSet)
router.register("members", views.MembershipViewSet)
router.register("api-keys", views.ApiKeyViewSet)
router.register("jobs", views.JobViewSet)
router.register("audit-entries", views.AuditEntryViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", views.MeView.as_view(), name="me"),
    path("sandbox", SandboxView.as_view(), name="sandbox"),
    path("sandbox/run", SandboxRunView.as_view(), name="sandbox-run"),
    *router.urls,
]
