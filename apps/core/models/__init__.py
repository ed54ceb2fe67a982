"""Tables of the platform."""

from __future__ import annotations

from apps.core.access import Role
from apps.core.models.api_key import ApiKey
from apps.core.models.audit_entry import AuditEntry
from apps.core.models.base import WorkspaceModel
from apps.core.models.idempotency_record import IdempotencyRecord
from apps.core.models.job import Job, JobState
from apps.core.models.login_failure import LoginFailure
from apps.core.models.sandbox_policy import SandboxPolicy
from apps.core.models.stream_event import StreamEvent
from apps.core.models.user import User
from apps.core.models.workspace import Membership, Workspace

__all__ = [
    "ApiKey",
    "AuditEntry",
    "IdempotencyRecord",
    "Job",
    "JobState",
    "LoginFailure",
    "Membership",
    "Role",
    "SandboxPolicy",
    "StreamEvent",
    "User",
    "Workspace",
    "WorkspaceModel",
]
