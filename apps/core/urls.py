"""Public pages of the platform."""

from __future__ import annotations

from django.urls import path

from apps.core.admin.language import switch_language

urlpatterns = [path("language/", switch_language, name="core_language")]
