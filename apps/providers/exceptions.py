"""How calling a model fails, as told to people: a sentence that says what to do, and never a key."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import FlywheelError


class ModelError(FlywheelError):
    """A call to a model failed. `extra["reason"]` is a `wire.WireReason`."""

    code = "model_error"
    status = 502
    title = _("The model did not answer")


class ModelUnavailable(ModelError):
    """The provider can't be reached, is down, or broke off."""

    code = "model_unavailable"
    status = 503
    title = _("The model is not available")


class ModelRejected(ModelError):
    """The provider refuses the call as it is: key, model name or content."""

    code = "model_rejected"
    status = 422
    title = _("The provider refused the request")


class ModelTimeout(ModelError):
    """No answer in time."""

    code = "model_timeout"
    status = 504
    title = _("The model took too long")


class ModelRateLimited(ModelError):
    """Too many calls at the moment."""

    code = "model_rate_limited"
    status = 429
    title = _("The model is busy")
