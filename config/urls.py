"""HTTP routes: the console, the API, and each app's public pages."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.core.api.health import health
from apps.core.api.metrics import metrics

Routes = list[URLPattern | URLResolver]


def routes_of_apps(module: str) -> Routes:
    """Collect `urlpatterns` from `<app>.<module>` of every app of ours that has one."""
    found: Routes = []
    for config in apps.get_app_configs():
        name = f"{config.name}.{module}"
        if config.name.startswith("apps.") and find_spec(config.name) and _exists(name):
            found += import_module(name).urlpatterns
    return found


def _exists(module: str) -> bool:
    parent, _, _ = module.rpartition(".")
    return find_spec(parent) is not None and find_spec(module) is not None


urlpatterns: Routes = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("health/", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/catalog.js", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-reference"),
    path("api/v1/", include(routes_of_apps("api.urls"))),
    *routes_of_apps("urls"),
    path("admin/", admin.site.urls),
]
