"""Typed envelopes to the browser: `{"topic", "type", "data"}`, sent when the transaction commits."""

from __future__ import annotations

from apps.core.events.bus import publish
from apps.core.events.topics import Authorize, group_name, may_subscribe, register_topic

__all__ = ["Authorize", "group_name", "may_subscribe", "publish", "register_topic"]
