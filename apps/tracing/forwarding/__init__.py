"""Stored spans on their way to other back ends."""

from apps.tracing.forwarding.encode import encode
from apps.tracing.forwarding.reader import Stored, read
from apps.tracing.forwarding.send import SendError, send

__all__ = ["SendError", "Stored", "encode", "read", "send"]
