"""Accounts, sessions and passwords."""

from __future__ import annotations

from django.urls import reverse_lazy

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = (
    None  # guardian's row for anonymous visitors is not wanted: visitors have no permissions
)
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
LOGOUT_REDIRECT_URL = reverse_lazy("admin:login")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = 14 * 24 * 3600
LOGIN_FAILURES_PER_ACCOUNT = 5  # within LOGIN_FAILURE_WINDOW_S
LOGIN_FAILURES_PER_ADDRESS = 30
LOGIN_FAILURE_WINDOW_S = 15 * 60
