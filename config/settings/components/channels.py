"""Signals between processes and to the browser."""

from __future__ import annotations

from typing import Any

from config.env import env
from config.settings.components.database import DATABASE_URL

CHANNEL_LAYER_URL = env.text(
    "CHANNEL_LAYER_URL",
    "",
    "Redis for signals to the browser, as redis://…",
    secret=True,
    default_text="the database itself (LISTEN/NOTIFY)",
)
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [CHANNEL_LAYER_URL]}}
        if CHANNEL_LAYER_URL
        else {"BACKEND": "apps.core.layers.PostgresChannelLayer", "CONFIG": {"conninfo": DATABASE_URL}}
    )
}
