"""API keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import ApiKey, User, Workspace
from apps.core.models.api_key import Scope

USE_RECORDED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    scopes: Sequence[str],
    user: User | None = None,
    expires_at: datetime | None = None,
    rate_limit_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """Create a key that acts for `user` (default: the actor); returns it with the full key, shown only this once."""
    permissions.require_in(actor, "add", ApiKey, workspace)
    owner = user or actor.user
    if owner is None:
        raise Invalid(_("A key acts for a person; choose one."))
    if owner != actor.user and actor.user is not None and not actor.user.is_superuser:
        raise Invalid(_("A key for somebody else is made by an administrator of this installation."))
    if not scopes or set(scopes) - set(Scope.values):
        raise Invalid(
            _("Choose at least one of the scopes: %(scopes)s.") % {"scopes": ", ".join(Scope.values)}
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(_("The expiry lies in the past."))
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        workspace=workspace,
        user=owner,
        name=name,
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=list(scopes),
        expires_at=expires_at,
        rate_limit_per_minute=rate_limit_per_minute,
    )
    audit.record(actor=actor, action="core.api_key.create", obj=key, after=audit.snapshot(key))
    return key, f"fw_{prefix}_{secret}"


@transaction.atomic
def revoke_api_key(*, actor: Actor, key: ApiKey) -> ApiKey:
    """End a key's life at once; a revoked key stays in the list for the record."""
    permissions.require(actor, "delete", key)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at", "updated_at"])
        audit.record(actor=actor, action="core.api_key.revoke", obj=key)
    return key


def find_api_key(presented: str) -> ApiKey | None:
    """Return the key that `presented` names, usable or not; None when there is none. Compares in constant time."""
    kind, _sep, rest = presented.partition("_")
    prefix, _sep, secret = rest.partition("_")
    if kind != "fw" or not prefix or not secret:
        return None
    key = ApiKey.objects.select_related("user", "workspace").filter(prefix=prefix).first()
    expected = key.secret_hash if key else ""
    return key if hmac.compare_digest(expected, _hash(secret)) else None


def record_use(key: ApiKey) -> None:
    """Remember when the key was last used, to the minute."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USE_RECORDED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _hash(secret: str) -> str:
    """Hash a random 256-bit secret; nothing can be guessed, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
