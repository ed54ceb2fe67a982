"""Messages as NOTIFY payloads: `<kind><id>:<part>:<parts>:<target>|<base64 of msgpack>`.

PostgreSQL refuses a payload of 8,000 bytes or more, so a larger message travels in parts. The id also
keeps two equal messages apart, which PostgreSQL would deliver once when they share a transaction.
"""

import base64
import enum
import itertools
import os
import secrets
import time
from collections import OrderedDict
from typing import Any, NamedTuple

import msgpack

Message = dict[str, Any]

CHANNEL = "flywheel_layer"
PART_BYTES = 7_600  # leaves room for the header: a target has at most 100 characters
PARTIAL_MESSAGES = 256
PARTIAL_SECONDS = 30.0


class Kind(enum.StrEnum):
    """What a message is addressed to."""

    CHANNEL = "C"
    GROUP = "G"


class Packet(NamedTuple):
    """A whole message, still encoded: most processes have nobody to decode it for."""

    kind: Kind
    target: str
    body: str

    def message(self) -> Message:
        """Decode the message; each receiver gets its own copy."""
        decoded: Message = msgpack.unpackb(base64.b64decode(self.body))
        return decoded


class Encoder:
    """Turns messages into payloads, with ids that no other process uses."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count()

    def encode(self, kind: Kind, target: str, message: Message) -> list[str]:
        """The payloads of one message, in the order in which they must be sent."""
        body = base64.b64encode(msgpack.packb(message)).decode()
        parts = [body[start : start + PART_BYTES] for start in range(0, len(body), PART_BYTES)]
        name = f"{self._prefix}.{os.getpid():x}.{next(self._numbers):x}"  # the prefix survives a fork
        return [f"{kind}{name}:{index}:{len(parts)}:{target}|{part}" for index, part in enumerate(parts)]


class Assembler:
    """Puts the parts of messages together; parts whose rest never comes are forgotten."""

    def __init__(self) -> None:
        self._partial: OrderedDict[str, tuple[float, dict[int, str]]] = OrderedDict()

    def add(self, payload: str) -> Packet | None:
        """Return the message that `payload` completes, or None while parts are missing."""
        head, _, part = payload.partition("|")
        name, index, count, target = head[1:].split(":", 3)
        if count == "1":
            return Packet(Kind(head[0]), target, part)
        _, parts = self._partial.setdefault(name, (time.monotonic(), {}))
        parts[int(index)] = part
        if len(parts) < int(count):
            self._forget()
            return None
        del self._partial[name]
        return Packet(Kind(head[0]), target, "".join(parts[number] for number in range(int(count))))

    def _forget(self) -> None:
        """Drop the oldest; a dict in order of insertion has them first."""
        limit = time.monotonic() - PARTIAL_SECONDS
        while self._partial:
            started, _ = next(iter(self._partial.values()))
            if len(self._partial) <= PARTIAL_MESSAGES and started > limit:
                return
            self._partial.popitem(last=False)
