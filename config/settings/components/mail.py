"""Outgoing mail: asked questions, alerts."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from config.env import env

PUBLIC_URL = env.text(
    "PUBLIC_URL",
    "",
    "Address under which people reach this installation, for links in messages, such as https://flywheel.example.com.",
    default_text="http://HOST:PORT",
)
MAIL_FROM = env.text("MAIL_FROM", "flywheel@localhost", "Sender of messages.")
MAIL_URL = env.text(
    "MAIL_URL",
    "",
    "Mail server: smtp://user:password@host:587?tls=1 (STARTTLS) or smtps://user:password@host:465; empty: no mail.",
    secret=True,
)
_server = urlsplit(MAIL_URL)
_options = parse_qs(_server.query)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _server.hostname or ""
EMAIL_PORT = _server.port or (465 if _server.scheme == "smtps" else 25)
EMAIL_HOST_USER = unquote(_server.username or "")
EMAIL_HOST_PASSWORD = unquote(_server.password or "")
EMAIL_USE_SSL = _server.scheme == "smtps"
EMAIL_USE_TLS = _options.get("tls", ["0"])[0] == "1" and not EMAIL_USE_SSL
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = MAIL_FROM
