"""Errors that a person or a client is told about. One root, one shape (RFC 9457) in the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class FlywheelError(Exception):
    """An expected failure. `detail` is a sentence that says what to do; `extra` goes into the problem document."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str | Promise] = _("Something went wrong")

    def __init__(self, detail: str | Promise = "", **extra: Any) -> None:
        self.detail = detail or self.title
        self.extra = extra
        super().__init__(str(self.detail))


class Invalid(FlywheelError):
    """The request is understood, and its content is wrong. `errors` may name the fields."""

    code = "invalid"
    status = 422
    title = _("The content is not valid")


class NotAllowed(FlywheelError):
    """The actor's role does not include the action."""

    code = "not_allowed"
    status = 403
    title = _("Your role does not allow this")


class NotFound(FlywheelError):
    """The object does not exist, or the actor may not know that it does."""

    code = "not_found"
    status = 404
    title = _("Not found")


class Conflict(FlywheelError):
    """The state of the object, or another object, stands in the way."""

    code = "conflict"
    status = 409
    title = _("The current state does not allow this")


class TooLarge(FlywheelError):
    """More than a limit allows; the sentence names the limit."""

    code = "too_large"
    status = 413
    title = _("Too large")


class RateLimited(FlywheelError):
    """Too many requests; `retry_after` is in seconds."""

    code = "rate_limited"
    status = 429
    title = _("Too many requests")

    def __init__(self, detail: str | Promise = "", *, retry_after: float = 1.0, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after = retry_after


class Unavailable(FlywheelError):
    """Something this depends on does not answer now; trying again later may help."""

    code = "unavailable"
    status = 503
    title = _("Not available at the moment")
