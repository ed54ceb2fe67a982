"""Wire errors as sentences for people."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from apps.providers.exceptions import (
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from apps.providers.targets import Target
from apps.providers.wire import WireError, WireReason

_Sentence = Callable[[], str]
_WHERE: dict[WireReason, tuple[type[ModelError], _Sentence]] = {
    WireReason.UNREACHABLE: (
        ModelUnavailable,
        lambda: _(
            "The provider “%(provider)s” can't be reached. Check its base URL, and that it is running."
        ),
    ),
    WireReason.BLOCKED: (
        ModelRejected,
        lambda: _(
            "The address of the provider “%(provider)s” is not allowed. An administrator can allow private "
            "addresses for providers (ALLOW_PRIVATE_PROVIDERS) or for this workspace."
        ),
    ),
    WireReason.TIMEOUT: (
        ModelTimeout,
        lambda: _(
            "“%(model)s” did not answer in time. Try again, or raise its timeout under Settings → Models."
        ),
    ),
    WireReason.RATE_LIMITED: (
        ModelRateLimited,
        lambda: _("“%(model)s” is getting too many requests at the moment. Wait a little and try again."),
    ),
    WireReason.BAD_KEY: (
        ModelRejected,
        lambda: _(
            "The provider “%(provider)s” refused the API key. Enter a valid one under Settings → Model "
            "providers."
        ),
    ),
    WireReason.NOT_FOUND: (
        ModelRejected,
        lambda: _(
            "The provider “%(provider)s” does not know the model “%(model)s”. Check the model's name and the "
            "provider's base URL."
        ),
    ),
    WireReason.TOO_LONG: (
        ModelRejected,
        lambda: _(
            "The request is longer than “%(model)s” can read. Shorten it, use fewer passages, or choose a "
            "model with a larger context window."
        ),
    ),
    WireReason.REJECTED: (ModelRejected, lambda: _("“%(model)s” refused the request.")),
    WireReason.UNAVAILABLE: (
        ModelUnavailable,
        lambda: _("The provider “%(provider)s” reports an error of its own. Try again in a moment."),
    ),
    WireReason.INTERRUPTED: (
        ModelUnavailable,
        lambda: _("The connection to “%(model)s” broke in the middle of the answer. Try again."),
    ),
    WireReason.MALFORMED: (
        ModelUnavailable,
        lambda: _(
            "“%(model)s” sent something that can't be read. Check that the base URL is OpenAI-compatible."
        ),
    ),
}
# Where the vendor's own words add something that our sentence does not say.
_QUOTED = frozenset(
    {WireReason.REJECTED, WireReason.UNAVAILABLE, WireReason.UNREACHABLE, WireReason.TOO_LONG}
)


def model_error(error: WireError, target: Target) -> ModelError:
    """The error to raise, with its sentence in the active language."""
    kind, sentence = _WHERE[error.reason]
    text = sentence() % {"provider": target.provider, "model": target.label}
    if error.detail and error.reason in _QUOTED:
        text = f"{text} ({error.detail.rstrip('.')})"
    extra: dict[str, object] = {"reason": str(error.reason)}
    if error.retry_after is not None:
        extra["retry_after"] = error.retry_after
    return kind(text, **extra)
