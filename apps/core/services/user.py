"""Accounts."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid, NotAllowed
from apps.core.models import User


@transaction.atomic
def create_user(
    *, actor: Actor, email: str, password: str | None = None, name: str = "", superuser: bool = False
) -> User:
    """Create an account that may sign in to the console. Only superusers and the system may."""
    _require_superuser(actor)
    user = User(username=email, email=email, first_name=name, is_staff=True, is_superuser=superuser)
    _set_password(user, password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict(
            _("There is an account with the address %(email)s already.") % {"email": email}
        ) from None
    audit.record(
        actor=actor, action="core.user.create", obj=user, after={"email": email, "superuser": superuser}
    )
    return user


@transaction.atomic
def update_user(
    *, actor: Actor, user: User, email: str, name: str, active: bool, superuser: bool, language: str = ""
) -> User:
    """Change an account; raises `Conflict` when that would lock the last administrator out."""
    _require_superuser(actor)
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if not (active and superuser) and not others.exists():
        raise Conflict(_("This is the last active administrator. Appoint another one first."))
    fields = ("email", "first_name", "is_active", "is_superuser", "language")
    before = audit.snapshot(User.objects.get(pk=user.pk), fields)
    user.username = user.email = email
    user.first_name, user.is_active, user.is_superuser, user.language = name, active, superuser, language
    user.save()
    audit.record(
        actor=actor, action="core.user.update", obj=user, before=before, after=audit.snapshot(user, fields)
    )
    return user


@transaction.atomic
def change_password(*, actor: Actor, user: User, password: str) -> None:
    """Set a new password; people change their own, superusers anybody's."""
    if actor.user is not None and actor.user.pk != user.pk:
        _require_superuser(actor)
    _set_password(user, password)
    user.save(update_fields=["password"])
    audit.record(actor=actor, action="core.user.change_password", obj=user)


@transaction.atomic
def change_profile(*, actor: Actor, user: User, name: str, language: str) -> User:
    """Change what people may change about themselves."""
    if actor.user is not None and actor.user.pk != user.pk:
        _require_superuser(actor)
    before = audit.snapshot(user, ("first_name", "language"))
    user.first_name, user.language = name, language
    user.save(update_fields=["first_name", "language"])
    audit.record(
        actor=actor,
        action="core.user.change_profile",
        obj=user,
        before=before,
        after=audit.snapshot(user, ("first_name", "language")),
    )
    return user


def create_first_administrator(*, email: str, password: str = "") -> tuple[User, str] | None:
    """Create the administrator of a new installation; returns it with its password, or None when there is one.

    Without `password` a random one is made; it is returned this once and stored only as a hash.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    chosen = password or secrets.token_urlsafe(12)
    user = create_user(actor=Actor.system("setup"), email=email, password=chosen, superuser=True)
    return user, chosen


def _require_superuser(actor: Actor) -> None:
    if actor.user is not None and not actor.user.is_superuser:
        raise NotAllowed(_("Only an administrator of this installation may manage accounts."))


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), errors={"password": error.messages}) from None
    user.set_password(password)
