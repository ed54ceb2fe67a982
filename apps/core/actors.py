"""Who acts: every write names its actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.models import ApiKey, User


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (perhaps through an API key) or the system itself."""

    user: User | None
    label: str
    api_key_id: UUID | None = None
    ip: str | None = None

    @classmethod
    def for_user(cls, user: User, *, ip: str | None = None) -> Actor:
        """A signed-in person."""
        return cls(user=user, label=user.get_username(), ip=ip)

    @classmethod
    def system(cls, label: str) -> Actor:
        """The product acting by itself; passes every permission check."""
        return cls(user=None, label=label)

    @classmethod
    def from_request(cls, request: Any) -> Actor:
        """The person behind a Django or DRF request; raises PermissionError for anonymous visitors."""
        user = request.user
        if not user.is_authenticated:
            raise PermissionError("An anonymous visitor cannot act.")
        key = getattr(request, "auth", None)
        return cls(
            user=user,
            label=user.get_username(),
            api_key_id=key.id if isinstance(key, ApiKey) else None,
            ip=request.META.get("REMOTE_ADDR") or None,
        )

    @property
    def is_system(self) -> bool:
        """True for the product itself."""
        return self.user is None
