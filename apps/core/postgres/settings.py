"""Server settings of the embedded PostgreSQL."""

import os
from collections.abc import Mapping
from pathlib import Path

SMALL_SHARED_MEMORY_BYTES = 256 * 1024 * 1024

#: Durable, and sized for one machine that also runs the product.
PRODUCTION: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "server-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %a ",
}

#: For test runs, whose data may be lost with the machine.
TEST: Mapping[str, str] = {
    **PRODUCTION,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",
}


def shared_memory_settings(device: Path = Path("/dev/shm")) -> dict[str, str]:  # noqa: S108 - its size is read, no file is made
    """Keep parallel queries out of a /dev/shm that is small, as it is (64 MB) in most containers."""
    try:
        stats = os.statvfs(device)
    except OSError:
        return {}
    if stats.f_frsize * stats.f_blocks >= SMALL_SHARED_MEMORY_BYTES:
        return {}
    return {"dynamic_shared_memory_type": "mmap"}


def render(settings: Mapping[str, str], *, port: int) -> str:
    """The text of our configuration file; TCP on the loopback address only."""
    fixed = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    lines = (f"{name} = '{value}'" for name, value in {**settings, **fixed}.items())
    return "\n".join(["# Written at each start; changes here are lost.", *lines, ""])
