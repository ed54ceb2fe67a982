"""The directory of the sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from apps.core.sandbox.protocol import REFUSED_FILE

MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes
BACKLOG = 512


class SocketDirectory:
    """Makes the directory, only for its owner or also for one group, and the listening sockets in it."""

    def __init__(self, path: str, group: int | None) -> None:
        self._path = Path(path)
        self._group = group
        self._path.mkdir(parents=True, exist_ok=True)
        self._path.chmod(0o700 if group is None else 0o710)
        if group is not None:
            os.chown(self._path, -1, group)
        self._descriptor = os.open(self._path, os.O_PATH | os.O_DIRECTORY)
        self.empty = str(self._path / "empty")
        Path(self.empty).mkdir(exist_ok=True)
        self.refuse("")

    def listen(self, name: str, kind: socket.SocketKind) -> socket.socket:
        """Listen on `name`, in place of whatever a dead process left there."""
        path = self._path / name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, kind)
        # a deep path does not fit into a socket address; this one is short and the same file
        short = str(path) if len(str(path)) < MAX_SOCKET_PATH else f"/proc/self/fd/{self._descriptor}/{name}"
        mask = os.umask(0o177)
        try:
            listener.bind(short)
        finally:
            os.umask(mask)
        if self._group is not None:
            os.chown(path, -1, self._group)
            path.chmod(0o660)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        return listener

    def remove(self, name: str) -> None:
        """Remove a socket."""
        (self._path / name).unlink(missing_ok=True)

    def refuse(self, reason: str) -> None:
        """Leave the reason where clients look for it; an empty one removes it."""
        file = self._path / REFUSED_FILE
        if not reason:
            file.unlink(missing_ok=True)
            return
        file.write_text(reason + "\n", encoding="utf-8")
        if self._group is not None:
            os.chown(file, -1, self._group)
        file.chmod(0o640)
