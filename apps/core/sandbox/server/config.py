"""What the supervisor is told at its start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

MINIMUM = ("own_uid", "no_new_privs", "rlimits", "seccomp")
REQUIRABLE = ("userns", "mountns", "netns", "ipcns", "pidns", "chroot", "landlock", "cgroup", "mdwe")
DEFAULT_UID = 59_999
JOB_MB = 128
RESERVED_MB = 200


@dataclass(frozen=True)
class ServerConfig:
    """Settings of one supervisor; `disabled` layers are for tests of what is left without them."""

    directory: str
    engine: str
    uid: int = DEFAULT_UID
    gid: int = DEFAULT_UID
    group: int | None = None
    slots: int = 0
    warm: int = 4
    require: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    package_paths: tuple[str, ...] = ()
    zone_paths: tuple[str, ...] = ()
    recycle_jobs: int = 5_000
    recycle_s: float = 900.0
    listen: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    stay: bool = False
    parent: int = 0  # the supervisor, for its gateway
    disabled: tuple[str, ...] = field(default=())

    def encode(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> ServerConfig:
        """From JSON."""
        values = json.loads(text)
        for name in ("require", "packages", "package_paths", "zone_paths", "disabled"):
            values[name] = tuple(values[name])
        return cls(**values)

    @property
    def minimum(self) -> tuple[str, ...]:
        """The layers without which it does not start."""
        return (*MINIMUM, *self.require)

    @property
    def gateway_uid(self) -> int:
        """Who the gateway is when it is started as root: neither root nor the identity of jobs."""
        return self.uid - 1

    @property
    def socket_group(self) -> int | None:
        """The group that may use the sockets beside their owner."""
        if self.group is None and self.listen and os.geteuid() == 0:
            return self.gateway_uid
        return self.group

    def job_slots(self) -> int:
        """Jobs at a time in each zygote: four per processor, fewer where memory is short."""
        if self.slots:
            return self.slots
        processors = len(os.sched_getaffinity(0))
        return max(1, min(4 * processors, (available_mb() - RESERVED_MB) // JOB_MB))


def available_mb() -> int:
    """Memory that is free or can be freed, in MB."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 1024
