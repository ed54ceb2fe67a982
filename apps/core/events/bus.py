"""Publishing."""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.core.events.topics import group_name

logger = logging.getLogger(__name__)


def publish(topic: str, type: str, data: dict[str, Any]) -> None:
    """Send an event to everybody who listens to `topic`, when the current transaction commits.

    Events are hints for open pages: one that cannot be sent is logged, never raised. `data` must be JSON.
    """
    envelope = {"topic": topic, "type": type, "data": data}
    transaction.on_commit(lambda: _send(group_name(topic), envelope), robust=True)


def _send(group: str, envelope: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    message = {"type": "topic.event", "envelope": envelope}
    try:
        send_sync = getattr(layer, "group_send_sync", None)
        if send_sync is not None:
            send_sync(group, message)
        else:
            async_to_sync(layer.group_send)(group, message)
    except Exception:  # whatever the layer raises: a page that misses a hint reloads its state
        logger.warning("An event to %s was not sent.", group, exc_info=True)
