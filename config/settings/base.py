"""Settings of every installation; `dev`, `test` and `production` change what differs."""

from __future__ import annotations

import django_stubs_ext

from config.env import ROOT, env
from config.secret_files import load_or_create
from config.settings.components.admin import *
from config.settings.components.api import *
from config.settings.components.auth import *
from config.settings.components.celery import *
from config.settings.components.channels import *
from config.settings.components.database import *
from config.settings.components.i18n import *
from config.settings.components.logging import *
from config.settings.components.mail import *
from config.settings.components.metrics import *
from config.settings.components.paths import *
from config.settings.components.product import *
from config.settings.components.sandbox import *

# lets Django's classes be subscripted at run time as they are in the type stubs
django_stubs_ext.monkeypatch()

DEBUG = env.boolean("DEBUG", False, "Show tracebacks in the browser. Never in production.")
SECRET_KEY = env.text(
    "SECRET_KEY",
    "",
    "Signs sessions and tokens.",
    secret=True,
    default_text="generated once and kept in `var/secret_key`",
) or load_or_create(VAR_DIR / "secret_key")
ALLOWED_HOSTS = list(
    env.items(
        "ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"), "Host names this installation answers to."
    )
)
HOST = env.text("HOST", "127.0.0.1", "Address the web server listens on.")
PORT = env.integer("PORT", 8000, "Port the web server listens on.", minimum=1)
if HOST not in {"0.0.0.0", "::"} and HOST not in ALLOWED_HOSTS:  # noqa: S104  # compared, not bound
    ALLOWED_HOSTS.append(HOST)
CSRF_TRUSTED_ORIGINS = list(
    env.items(
        "CSRF_TRUSTED_ORIGINS", (), "Origins (with scheme) that forms may be sent from, behind a proxy."
    )
)

INSTALLED_APPS = [
    "channels",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.guardian",
    "apps.core.admin.config.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_celery_beat",
    "pgvector.django",
    "apps.core",
    "apps.tracing",
    "apps.providers",
    "apps.knowledge",
    "apps.agents",
    "apps.workflows",
    "apps.annotations",
    "apps.interop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.core.middleware.ServerTimingMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.middleware.WorkspaceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
