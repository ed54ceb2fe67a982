"""Where files live."""

from __future__ import annotations

from config.env import ROOT, env

BASE_DIR = ROOT
VAR_DIR = env.path(
    "FLYWHEEL_VAR_DIR",
    ROOT / "var",
    "Everything the installation writes: database, uploads, generated secrets.",
    default_text="`var/` in the project",
)
MEDIA_ROOT = VAR_DIR / "media"
MEDIA_URL = "/media/"  # never served by a web server: every download goes through a permission check
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.staticfiles.HashedStaticFilesStorage"},
}
WHITENOISE_MAX_AGE = 600
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "png", "webp", "gz", "woff", "woff2", "map")
MAX_UPLOAD_BYTES = (
    env.integer("MAX_UPLOAD_MB", 50, "Largest document that may be uploaded, in MB.", minimum=1) * 2**20
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
