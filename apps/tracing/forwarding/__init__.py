"""Stored spans on their way to other back ends."""

from apps.tracing.forwarding.encode import encode
from apps.tracing.forwarding.reader import Stored, read, with_texts
from apps.tracing.forwarding.send import SendError, send

__all__ = ["SendError", "Stored", "encode", "read", "send", "with_texts"]
