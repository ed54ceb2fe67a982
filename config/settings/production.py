"""Settings behind TLS: the hardening that a loopback installation cannot have."""

from __future__ import annotations

from config.env import env
from config.settings.base import *

DEBUG = False
SECURE_SSL_REDIRECT = env.boolean(
    "SECURE_SSL_REDIRECT", True, "Send plain HTTP to HTTPS (production settings)."
)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000, "HSTS lifetime (production settings).")
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Provider addresses inside the private network must be opened for each workspace by an administrator.
ALLOW_PRIVATE_PROVIDERS = env.boolean(
    "ALLOW_PRIVATE_PROVIDERS",
    False,
    "Let model providers live on private addresses (production default: false).",
)
