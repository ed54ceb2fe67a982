"""Webhooks: checking a call, and starting its run."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid, NotFound
from apps.core.http.signing import sign
from apps.workflows.exceptions import PayloadTooLargeError, ReplayError, SignatureError
from apps.workflows.models import RunMode, Trigger, TriggerFiring, WorkflowRun
from apps.workflows.services.trigger import fire, resolve, settings_of
from apps.workflows.services.trigger_config import WebhookSettings

TIMESTAMP: Final = "x-flywheel-timestamp"
SIGNATURE: Final = "x-flywheel-signature"
#: Names a call, so that it is not taken twice; without it a signed call is named by its signature.
DELIVERY: Final = "x-flywheel-delivery"
#: Headers that a run doesn't get to see.
_HIDDEN: Final = frozenset({"authorization", "cookie", SIGNATURE, "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to a webhook; names of headers are lower case."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


def find_trigger(token: str) -> Trigger:
    """The webhook with this address that is switched on; raises NotFound."""
    found = (
        Trigger.objects.live()
        .select_related("workflow__published", "workflow__workspace", "workspace")
        .filter(kind="webhook", token=token)
        .first()
        if token
        else None
    )
    if found is None:
        raise NotFound
    return found


def webhook_settings(trigger: Trigger) -> WebhookSettings:
    """How this webhook checks and answers."""
    settings = settings_of(trigger)
    if not isinstance(settings, WebhookSettings):
        raise NotFound
    return settings


def receive(trigger: Trigger, call: Call) -> TriggerFiring:
    """Check a call and start its run.

    Raises PayloadTooLargeError, SignatureError, ReplayError, Invalid (a body that is not what it says to be).
    """
    settings = webhook_settings(trigger)
    if len(call.body) > settings.max_bytes:
        raise PayloadTooLargeError(
            _("The body may have at most %(limit)d bytes.") % {"limit": settings.max_bytes}
        )
    key = _checked_key(trigger, settings, call)
    mode = RunMode.INTERACTIVE if settings.response == "sync" else RunMode.BACKGROUND
    firing = fire(trigger=trigger, key=key, known=_known(call), mode=mode)
    if firing is None:
        raise ReplayError(_("This call was received before; it is not taken twice."))
    if firing.run is None:
        raise Invalid(firing.error)
    return firing


def answer_of(settings: WebhookSettings, run: WorkflowRun) -> Any:
    """The body of a synchronous answer: the configured one, else the outputs."""
    if settings.body is None:
        return run.outputs if run.outputs is not None else {}
    return resolve(
        settings.body,
        {"outputs": run.outputs or {}, "run": {"id": str(run.pk), "state": run.state, "error": run.error}},
    )


def _checked_key(trigger: Trigger, settings: WebhookSettings, call: Call) -> str:
    """What names this call; raises SignatureError, ReplayError."""
    delivery = call.headers.get(DELIVERY, "")
    if settings.signature == "none":
        return f"d:{_short(delivery)}" if delivery else f"t:{time.time_ns()}:{_short(call.body.hex())[:16]}"
    timestamp, given = call.headers.get(TIMESTAMP, ""), call.headers.get(SIGNATURE, "")
    if not timestamp or not given:
        raise SignatureError(
            _("The call must carry the headers X-Flywheel-Timestamp and X-Flywheel-Signature.")
        )
    secret = trigger.secret.reveal() if trigger.secret else ""
    if not secret or not hmac.compare_digest(sign(secret, timestamp, call.body).encode(), given.encode()):
        raise SignatureError(
            _("The signature does not fit the body, the timestamp and the webhook's secret.")
        )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError(_("X-Flywheel-Timestamp is the time in seconds since 1970."))
    if abs(time.time() - int(timestamp)) > settings.window_s:
        raise ReplayError(_("The call is too old, or the clocks differ."))
    # the signature covers the time: the same call later has another one, the same call again the same
    return f"s:{_short(given)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _known(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "headers": {name: value for name, value in call.headers.items() if name not in _HIDDEN},
        "query": dict(call.query),
        "body": _parsed(call),
    }


def _parsed(call: Call) -> Any:
    """The body as JSON, as a form's fields, or as text; raises Invalid."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not call.body:
        return {}
    try:
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        if kind == "application/json" or kind.endswith("+json"):
            return orjson.loads(call.body)
        text = call.body.decode()
    except UnicodeDecodeError:
        raise Invalid(_("The body is not UTF-8 text.")) from None
    except orjson.JSONDecodeError as error:
        raise Invalid(_("The body is not valid JSON: %(error)s") % {"error": error}) from None
    try:
        return orjson.loads(text) if not kind else text
    except orjson.JSONDecodeError:
        return text
