"""The start message of a job (`protocol.start_message`), read without the protocol's classes."""

from __future__ import annotations

import json

PROTOCOL = 1
MAX_BYTES = 4_096
SECONDS_AT_MOST = 86_400.0
MEGABYTES_AT_MOST = 2**20


class Request:
    """What the zygote and its child need to know about a job."""

    __slots__ = ("memory_mb", "seconds", "wall")

    def __init__(self, seconds: int, wall: float, memory_mb: int) -> None:
        self.seconds = seconds
        self.wall = wall
        self.memory_mb = memory_mb


def parse(message: bytes) -> Request | None:
    """Read a message; None for everything that is no request of this version."""
    try:
        asked = json.loads(message)
        seconds, wall, memory = float(asked["cpu_s"]), float(asked["wall_s"]), int(asked["memory_mb"])
        version = asked["v"]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if version != PROTOCOL or not 0 < memory <= MEGABYTES_AT_MOST:
        return None
    if not (0 < seconds <= SECONDS_AT_MOST and 0 < wall <= SECONDS_AT_MOST):
        return None
    return Request(int(-(-seconds // 1)), wall, memory)
