"""Settings of tracing, typed and with their defaults."""

from pathlib import Path

from django.conf import settings


def record_content() -> bool:
    """Whether inputs and outputs are stored."""
    return bool(settings.TRACE_CONTENT)


def retention_days() -> int | None:
    """Days after which spans are dropped; None keeps them."""
    return settings.TRACE_RETENTION_DAYS or None


def spill_directory() -> Path:
    """Where spans wait while the database is away."""
    return Path(settings.VAR_DIR) / "spans"


def export_rows() -> int:
    """Rows an exported file may have."""
    return int(settings.TRACE_EXPORT_MAX_ROWS)


def export_bytes() -> int:
    """Bytes after which an exported file ends."""
    return int(settings.TRACE_EXPORT_MAX_MB) * 1024 * 1024


def export_days() -> int:
    """Days an exported file is kept."""
    return int(settings.TRACE_EXPORT_DAYS)
