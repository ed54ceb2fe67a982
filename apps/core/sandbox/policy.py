"""The limits that hold for a workspace, read once every few seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from uuid import UUID

from apps.core.models import SandboxPolicy, Workspace
from apps.core.sandbox.jobs import Limits

KEPT_S = 5.0  # a change of the policy reaches every process within this time
MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Policy:
    """What the code of one workspace may use."""

    limits: Limits
    hosts: tuple[str, ...]
    concurrency: int
    allow_private: bool


_kept: dict[UUID, tuple[float, Policy]] = {}


def read_policy(workspace_id: UUID) -> Policy:
    """The policy from the database: the defaults where nobody has changed them."""
    row = SandboxPolicy.objects.filter(workspace_id=workspace_id).first() or SandboxPolicy()
    private = Workspace.objects.filter(pk=workspace_id, allow_private_network=True).exists()
    limits = Limits(
        cpu_s=row.cpu_s,
        wall_s=row.wall_s,
        memory_mb=row.memory_mb,
        output_kb=row.output_kb,
        result_kb=row.result_kb,
        file_mb=row.file_mb,
        depth=row.depth,
        string_chars=row.string_chars,
    )
    return Policy(limits, tuple(row.hosts), row.concurrency, private)


def kept_policy(workspace_id: UUID) -> Policy | None:
    """The policy when it was read a moment ago."""
    found = _kept.get(workspace_id)
    return found[1] if found and found[0] > time.monotonic() else None


def keep_policy(workspace_id: UUID, policy: Policy) -> None:
    """Remember it for a moment."""
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[workspace_id] = (time.monotonic() + KEPT_S, policy)


def forget_policies() -> None:
    """Read all anew: called after a change in this process, and between tests."""
    _kept.clear()


def narrowed(allowed: Limits, asked: Limits | None, timeout_s: float | None) -> Limits:
    """The smaller of what the policy allows and the caller asks for, field by field."""
    if asked is None:
        lowest = allowed
    else:
        names = [field.name for field in fields(Limits)]
        lowest = Limits(**{name: min(getattr(allowed, name), getattr(asked, name)) for name in names})
    return lowest if timeout_s is None else replace(lowest, wall_s=max(0.001, min(lowest.wall_s, timeout_s)))
