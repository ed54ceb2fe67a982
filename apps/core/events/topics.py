"""Topics `<prefix>:<id>` and who may listen to them."""

from __future__ import annotations

import re
from collections.abc import Callable

from apps.core.models import User
from apps.core.registry import Registry

Authorize = Callable[[User, str], bool]

_topics: Registry[Authorize] = Registry("events.topics")
_UNSAFE = re.compile(r"[^0-9A-Za-z_.-]")


def register_topic(prefix: str, authorize: Authorize) -> None:
    """Open topics `<prefix>:<id>`; `authorize(user, id)` decides for each subscription."""
    _topics.register(prefix, authorize)


def may_subscribe(user: User, topic: str) -> bool:
    """Tell whether `user` may listen to `topic`; unknown prefixes are refused."""
    prefix, _, key = topic.partition(":")
    authorize = _topics.get(prefix)
    return authorize is not None and bool(key) and authorize(user, key)


def group_name(topic: str) -> str:
    """Return the channel-layer group of a topic."""
    return "topic." + _UNSAFE.sub(".", topic)[:90]
