"""Routes of the platform's resources."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from apps.core.api import views

router = SimpleRouter()
router.register("workspaces", views.WorkspacesViewSet)
router.register("members", views.MembershipViewSet)
router.register("api-keys", views.ApiKeyViewSet)
router.register("jobs", views.JobViewSet)
router.register("audit-entries", views.AuditEntryViewSet)

urlpatterns: list[URLPattern | URLResolver] = [path("me/", views.MeView.as_view(), name="me"), *router.urls]
