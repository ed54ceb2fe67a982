"""Settings for working on Flywheel itself."""

from __future__ import annotations

from config.settings.base import *

DEBUG = True
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
