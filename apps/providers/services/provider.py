"""Writes of providers."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid
from apps.core.models import Workspace
from apps.providers.models import Provider, ProviderKind
from apps.providers.models.provider import TestResult

MAX_KEY_CHARS = 1000


@transaction.atomic
def create_provider(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    base_url: str,
    api_key: str = "",
    enabled: bool = True,
) -> Provider:
    """Connects an OpenAI-compatible endpoint. Raises `Invalid` for an address or key that can't be one."""
    permissions.require_in(actor, "add", Provider, workspace)
    provider = Provider(
        workspace=workspace,
        name=clean_name(name),
        kind=ProviderKind.OPENAI_COMPATIBLE,
        base_url=clean_base_url(base_url),
        credentials=_credentials(clean_key(api_key)),
        enabled=enabled,
    )
    _save(provider)
    audit.record(
        actor=actor, action="providers.provider.create", obj=provider, after=audit.snapshot(provider)
    )
    return provider


@transaction.atomic
def update_provider(
    *,
    actor: Actor,
    provider: Provider,
    name: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    enabled: bool | None = None,
) -> Provider:
    """Changes what is given. `api_key`: None keeps the stored one, "" removes it.

    A stored key is only ever sent to the host it was entered for: a new host needs the key again.
    """
    permissions.require(actor, "change", provider)
    stored = Provider.objects.select_for_update().get(pk=provider.pk)
    before = audit.snapshot(stored)
    if stored.is_local and (base_url or api_key):
        raise Conflict(_("The built-in provider has no address and no key."))
    if name is not None:
        stored.name = clean_name(name)
    if base_url is not None and not stored.is_local:
        _move(stored, clean_base_url(base_url), api_key)
    if api_key is not None:
        stored.credentials = _credentials(clean_key(api_key))
        stored.test_result = TestResult.UNTESTED
    if enabled is not None:
        stored.enabled = enabled
    _save(stored)
    after = audit.snapshot(stored)
    if api_key is not None:
        # Both sides of the comparison are masked: say that the key changed.
        after["credentials"] = _("changed")
    audit.record(actor=actor, action="providers.provider.update", obj=stored, before=before, after=after)
    return stored


@transaction.atomic
def delete_provider(*, actor: Actor, provider: Provider) -> None:
    """Removes a provider with its models. The built-in one stays; it can be switched off."""
    permissions.require(actor, "delete", provider)
    if provider.is_local:
        raise Conflict(_("The built-in provider can't be deleted. You can switch it off."))
    before = audit.snapshot(provider)
    audit.record(actor=actor, action="providers.provider.delete", obj=provider, before=before)
    provider.delete()


def clean_name(name: str) -> str:
    """A short single line; raises `Invalid` when nothing is left."""
    cleaned = " ".join(name.replace("\x00", "").split())[:120]
    if not cleaned:
        raise Invalid(_("Give the provider a name."), errors={"name": [_("This field is required.")]})
    return cleaned


def clean_base_url(text: str) -> str:
    """The address up to where `/chat/completions` begins. Raises `Invalid` when it is none."""
    url = text.strip().rstrip("/").removesuffix("/chat/completions").removesuffix("/embeddings")
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid or len(url) > 500 or any(ord(c) <= 32 for c in url):
        raise _invalid_url(_("Enter an address such as https://api.openai.com/v1"))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _invalid_url(
            _("The address must not hold a user name, a key or parameters; enter the key apart.")
        )
    return url


def _invalid_url(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"base_url": [sentence]})


def clean_key(text: str) -> str:
    """A key fit for an HTTP header. Raises `Invalid` for blanks in the middle and other characters."""
    key = text.strip()
    if len(key) > MAX_KEY_CHARS or any(not 32 < ord(c) < 127 for c in key):
        sentence = _("The key holds characters that keys don't have. Copy it again.")
        raise Invalid(sentence, errors={"api_key": [sentence]})
    return key


def _move(provider: Provider, base_url: str, api_key: str | None) -> None:
    if base_url == provider.base_url:
        return
    if provider.has_key and api_key is None and _origin(base_url) != _origin(provider.base_url):
        sentence = _("The address leads to another host: enter the API key again.")
        raise Invalid(sentence, errors={"api_key": [sentence]})
    provider.base_url = base_url
    provider.test_result = TestResult.UNTESTED


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _credentials(key: str) -> dict[str, str]:
    return {"api_key": key} if key else {}


def _save(provider: Provider) -> None:
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError:
        sentence = _("There is a provider called “%(name)s” already.") % {"name": provider.name}
        raise Conflict(sentence, errors={"name": [sentence]}) from None
