"""Telling people by mail that a run waits for them."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.mail import public_url, send_mail
from apps.workflows.models import RunWait, WaitState

MAIL_JOB: Final = "workflows.mail_wait"
PLACE: Final = "[[url]]"


def announce(wait: RunWait) -> None:
    """Queue the message of a wait that asks for one, in the caller's transaction."""
    if not _asked(wait).get("to"):
        return
    jobs.enqueue(
        MAIL_JOB,
        actor=Actor.system("workflows"),
        workspace=wait.workspace,
        args={"wait_id": str(wait.pk)},
        subject=wait,
        title=_("Message about %(node)s") % {"node": wait.path},
    )


def send_announcement(wait: RunWait) -> None:
    """Send the message, unless the wait is over. Raises FlywheelError when it can't be sent."""
    if wait.state != WaitState.OPEN:
        return
    asked = _asked(wait)
    url = public_url(f"/runs/forms/{wait.token}/")
    title = str(wait.payload.get("title") or wait.path)
    text = str(asked.get("body") or f"{wait.payload.get('content') or title}\n\n{PLACE}")
    send_mail(
        to=[str(address) for address in asked["to"]],
        subject=str(asked.get("subject") or title),
        text=text.replace(PLACE, url),
    )


def _asked(wait: RunWait) -> dict[str, Any]:
    delivery = wait.payload.get("delivery")
    email = delivery.get("email") if isinstance(delivery, dict) else None
    return email if isinstance(email, dict) else {}
