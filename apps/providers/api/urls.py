"""Addresses below /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from apps.providers.api.views import ModelViewSet, ProviderViewSet

router = SimpleRouter()
router.register("providers", ProviderViewSet, basename="providers-provider")
router.register("models", ModelViewSet, basename="providers-model")

urlpatterns = router.urls
