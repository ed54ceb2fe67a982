"""The masks of all workspaces, read every few seconds."""

import logging
import threading
import time
from typing import Final
from uuid import UUID

import psycopg

from apps.tracing.masking.masks import Mask, compile_mask
from apps.tracing.masking.patterns import KNOWN
from apps.tracing.writer.connection import connect

logger = logging.getLogger(__name__)

#: Seconds until a changed rule counts in every process.
KEPT_S: Final = 5.0
_QUERY: Final = """
SELECT workspace_id, kind, pattern, replacement FROM tracing_maskingrule WHERE enabled ORDER BY created_at
"""

Masks = tuple[Mask, ...]


class CurrentMasks:
    """Masks by workspace. Thread-safe; spans are masked in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._masks: dict[UUID, Masks] | None = None
        self._read_at = float("-inf")

    def of(self, workspace_id: UUID) -> Masks:
        """The masks of a workspace in the order of their rules.

        While the database is away the last known ones count; before any are known, everything that can be masked is:
        a span can be read again with less hidden, but not forgotten again.
        """
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                self._refresh()
            return _everything() if self._masks is None else self._masks.get(workspace_id, ())

    def forget(self) -> None:
        """Read the rules anew at the next span."""
        self._read_at = float("-inf")

    def _refresh(self) -> None:
        try:
            with connect() as connection:
                rows = connection.execute(_QUERY).fetchall()
        except psycopg.Error as error:
            logger.warning("Masking rules could not be read: %s", error)
            return
        found: dict[UUID, list[Mask]] = {}
        for workspace_id, kind, pattern, replacement in rows:
            found.setdefault(workspace_id, []).append(compile_mask(kind, pattern, replacement))
        self._masks = {key: tuple(masks) for key, masks in found.items()}
        self._read_at = time.monotonic()


def _everything() -> Masks:
    return tuple(compile_mask(kind, "", "") for kind in KNOWN)


current_masks: Final = CurrentMasks()


def masks_of(workspace_id: UUID) -> Masks:
    """The masks of a workspace, at most KEPT_S old."""
    return current_masks.of(workspace_id)
