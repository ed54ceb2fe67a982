"""Messages to people outside the console."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid, Unavailable

MAX_RECIPIENTS = 50
MAX_SUBJECT = 200


def is_configured() -> bool:
    """Whether this installation has a mail server."""
    return bool(settings.MAIL_URL)


def public_url(path: str) -> str:
    """The full address of a path, for a message."""
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    base = settings.PUBLIC_URL or f"http://{host}:{settings.PORT}"
    return base.rstrip("/") + path


def send_mail(*, to: Sequence[str], subject: str, text: str) -> None:
    """Send a plain message to each of `to`, none of whom sees the others.

    Raises Invalid for what is no address, Unavailable without a server or when it refuses. Called by jobs: it waits.
    """
    if not is_configured():
        raise Unavailable(_("This installation sends no mail: no mail server is set (MAIL_URL)."))
    recipients = list(dict.fromkeys(address.strip() for address in to if address.strip()))
    if not recipients or len(recipients) > MAX_RECIPIENTS:
        raise Invalid(_("A message goes to 1 to %(limit)d addresses.") % {"limit": MAX_RECIPIENTS})
    for address in recipients:
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid(_("“%(address)s” is no e-mail address.") % {"address": address}) from None
    # a line break in a subject would begin another header
    message = EmailMessage(" ".join(subject.split())[:MAX_SUBJECT], text, settings.MAIL_FROM, bcc=recipients)
    try:
        message.send()
    except OSError as error:
        raise Unavailable(
            _("The mail server did not take the message: %(reason)s") % {"reason": error}
        ) from error
