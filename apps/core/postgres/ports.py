"""Choosing a TCP port that stays the same over restarts, so that clients find the server again."""

import secrets
import socket

# Below the range from which the system takes ports of outgoing connections: one of those could
# otherwise sit on ours at the next start.
FIRST, LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port() -> int:
    """A free port, at random so that servers started at the same moment differ."""
    while not is_free(port := FIRST + secrets.randbelow(LAST - FIRST)):
        continue
    return port
