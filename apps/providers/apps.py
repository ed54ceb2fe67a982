"""Registration of the providers app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvidersConfig(AppConfig):
    """Model providers, models, and the gateway that alone calls them."""

    name = "apps.providers"
    label = "providers"
    verbose_name = _("Model providers")

    def ready(self) -> None:
        """Register drivers, hooks, pages and navigation."""
        from apps.core import hooks
        from apps.core.admin import dashboard, navigation, pages
        from apps.providers import drivers
        from apps.providers.admin.dashboard import connect_step
        from apps.providers.admin.pages import OfferedModelsPage
        from apps.providers.drivers.local import LocalDriver
        from apps.providers.drivers.openai_compatible import OpenAICompatibleDriver
        from apps.providers.services.discovery import discover_first_start
        from apps.providers.services.local import ensure_local_provider
        from apps.providers.span_prices import price_span
        from apps.tracing import pricing

        pricing.register(price_span)
        drivers.register("openai_compatible", OpenAICompatibleDriver)
        drivers.register("local", LocalDriver)
        hooks.workspace_created.register("providers.local", ensure_local_provider)
        hooks.first_start.register("providers.discovery", discover_first_start)
        pages.register("providers/<uuid:pk>/models/", OfferedModelsPage, "providers_offered_models")
        dashboard.register_step(10, connect_step)
        entry = navigation.register
        entry(
            "Settings",
            _("Model providers"),
            "hub",
            "admin:providers_provider_changelist",
            5,
            model="providers.Provider",
        )
        entry(
            "Settings",
            _("Models"),
            "neurology",
            "admin:providers_model_changelist",
            10,
            action="add",
            model="providers.Model",
        )
