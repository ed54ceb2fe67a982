"""Secrets that a self-hosted installation makes for itself on first start and keeps in `var/`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def load_or_create(path: Path, *, size: int = 48) -> str:
    """Return the secret in `path`, creating it (mode 0600, `size` random bytes) when it is missing.

    Two processes that start together agree: the file is created exclusively, the loser reads the winner's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        value = secrets.token_urlsafe(size)
        file.write(value)
    return value


def _read(path: Path) -> str:
    value = path.read_text().strip()
    if not value:
        raise RuntimeError(
            f"{path} is empty. Restore it from a backup, or delete it if nothing was stored yet."
        )
    return value
