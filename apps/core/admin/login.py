"""The login form."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm

from apps.core.exceptions import RateLimited
from apps.core.services import login


class LoginForm(AuthenticationForm):
    """Asks for login and password; slows guessing down before the password is looked at."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("Address and password do not match. Check both; capital letters count."),
    }

    def clean(self) -> dict[str, Any]:
        """Authenticate under the limits of `services.login`."""
        account = self.cleaned_data.get("username") or ""
        address = self.request.META.get("REMOTE_ADDR") or None
        try:
            login.check_login_allowed(account=account, address=address)
        except RateLimited as error:
            raise ValidationError(str(error.detail), code="rate_limited") from None
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            login.record_login_failure(account=account, address=address)
            raise
        login.forget_login_failures(account=account, address=address)
        return cleaned
