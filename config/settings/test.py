"""Settings of the test suite: real PostgreSQL, everything else in the process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from config.env import env
from config.settings.base import *

SECRET_KEY = "tests-only-key-that-signs-nothing-of-value-0123456789"  # noqa: S105  # not a secret
ENCRYPTION_KEYS = ("tests-only-key",)
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A pool would keep connections open that hinder dropping the test database.
DATABASES["default"]["OPTIONS"].pop("pool", None)
DATABASES["default"]["TEST"] = {
    "NAME": env.text("FLYWHEEL_TEST_DB", "test_flywheel", "Name of the test database (tests only).")
}

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
_media = tempfile.TemporaryDirectory(prefix="flywheel-media-")  # goes when the process ends
MEDIA_ROOT = Path(_media.name)
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
JOBS_DISPATCH = "manual"  # tests run queued jobs themselves: tests.support.jobs.run_queued()
LOGGING = {**LOGGING, "root": {"handlers": ["console"], "level": "WARNING"}}
