"""Writes on trace forwarders, and their work."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidForwarder
from apps.tracing.forwarding import SendError, Stored, encode, read, send, with_texts
from apps.tracing.mapping import ObservationType
from apps.tracing.models import TraceForwarder

logger = logging.getLogger(__name__)

BATCH: Final = 500
#: Inputs and outputs of one request, in bytes, unless a single span has more: collectors take 4 to 20 MB.
BATCH_BYTES: Final = 3 * 1024 * 1024
#: Seconds one forwarder may take of a round, so that a slow back end does not hold up the others.
PATIENCE_S: Final = 20.0
_SPACE: Final = 2**32
_MAX_HEADERS: Final = 20


@dataclass(frozen=True, slots=True)
class ForwarderValues:
    """What a forwarder is told. `headers` None keeps the stored ones."""

    name: str
    endpoint: str
    headers: Mapping[str, str] | None = None
    environments: Sequence[str] = ()
    types: Sequence[str] = ()
    sampling: float = 1.0
    with_content: bool = True
    enabled: bool = True

    def apply(self, forwarder: TraceForwarder) -> None:
        """Put the values on a row."""
        for name in ("name", "endpoint", "sampling", "with_content", "enabled"):
            setattr(forwarder, name, getattr(self, name))
        forwarder.environments, forwarder.types = list(self.environments), list(self.types)
        if self.headers is not None:
            forwarder.headers = dict(self.headers)


def create_forwarder(*, actor: Actor, workspace: Workspace, values: ForwarderValues) -> TraceForwarder:
    """Begin to send on what arrives from now. Raises InvalidForwarder."""
    permissions.require_in(actor, "add", TraceForwarder, workspace)
    return _save(actor, TraceForwarder(workspace=workspace), values, "tracing.forwarder.create", None)


def update_forwarder(*, actor: Actor, forwarder: TraceForwarder, values: ForwarderValues) -> TraceForwarder:
    """Change where and what; one that is switched on again goes on where it stopped."""
    permissions.require(actor, "change", forwarder)
    stored = TraceForwarder.objects.get(pk=forwarder.pk)
    return _save(actor, stored, values, "tracing.forwarder.update", audit.snapshot(stored))


@transaction.atomic
def delete_forwarder(*, actor: Actor, forwarder: TraceForwarder) -> None:
    """Stop sending."""
    permissions.require(actor, "delete", forwarder)
    audit.record(
        actor=actor, action="tracing.forwarder.delete", obj=forwarder, before=audit.snapshot(forwarder)
    )
    forwarder.delete()


def check_forwarder(values: ForwarderValues) -> None:
    """Raise InvalidForwarder for what can't work."""
    if not values.endpoint.startswith(("http://", "https://")):
        raise InvalidForwarder(_("The address begins with http:// or https://."))
    if not 0 <= values.sampling <= 1:
        raise InvalidForwarder(_("The share of traces lies between 0 and 1."))
    unknown = sorted(set(values.types) - set(ObservationType))
    if unknown:
        raise InvalidForwarder(_("There are no observations of the type %(type)s.") % {"type": unknown[0]})
    headers = values.headers or {}
    if len(headers) > _MAX_HEADERS or any(
        set("\r\n\0") & set(name + value) for name, value in headers.items()
    ):
        raise InvalidForwarder(_("These headers can't be sent."))


def _save(
    actor: Actor,
    forwarder: TraceForwarder,
    values: ForwarderValues,
    action: str,
    before: dict[str, Any] | None,
) -> TraceForwarder:
    check_forwarder(values)
    values.apply(forwarder)
    try:
        with transaction.atomic():
            forwarder.save()
            audit.record(
                actor=actor, action=action, obj=forwarder, before=before, after=audit.snapshot(forwarder)
            )
    except IntegrityError:
        raise InvalidForwarder(_("There is a forwarder of this name already.")) from None
    return forwarder


def forward_all() -> int:
    """Send what is new, forwarder by forwarder; returns how many spans went."""
    ids = TraceForwarder.objects.filter(enabled=True).order_by("cursor_at").values_list("pk", flat=True)
    return sum(_forward(pk) for pk in list(ids))


def _forward(pk: UUID) -> int:
    """Send batches until there is nothing new, something fails, or the time is over."""
    sent, deadline = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found, more = _forward_batch(pk)
        sent += found
        if not more:
            break
    return sent


@transaction.atomic
def _forward_batch(pk: UUID) -> tuple[int, bool]:
    """Send one batch and move the cursor; the row's lock keeps other processes from sending the same."""
    forwarder = (
        TraceForwarder.objects.select_related("workspace")
        .select_for_update(of=("self",), skip_locked=True)
        .filter(pk=pk, enabled=True)
        .first()
    )
    if forwarder is None:
        return 0, False
    spans = read(
        workspace_id=forwarder.workspace_id,
        since=forwarder.cursor_at,
        span=forwarder.cursor_span,
        limit=BATCH,
    )
    if not spans:
        return 0, False
    chosen, last = _fitting(forwarder, spans)
    try:
        if chosen:
            _deliver(forwarder, chosen, with_content=forwarder.with_content)
    except SendError as error:
        logger.warning("Forwarder %s: %s", forwarder.pk, error)
        forwarder.error = str(error)[:1_000].replace("\0", "")
        forwarder.failed_at = forwarder.failed_at or timezone.now()
        forwarder.save(update_fields=["error", "failed_at"])
        return 0, False
    forwarder.cursor_at, forwarder.cursor_span = last.received_at, last.span_id
    forwarder.sent_count += len(chosen)
    forwarder.error, forwarder.failed_at = "", None
    forwarder.save(update_fields=["cursor_at", "cursor_span", "sent_count", "error", "failed_at"])
    return len(chosen), len(spans) == BATCH or last is not spans[-1]


def _fitting(forwarder: TraceForwarder, spans: Sequence[Stored]) -> tuple[list[Stored], Stored]:
    """Those that go, as far as their texts fit into a request, and the last span that this decides about."""
    chosen: list[Stored] = []
    last, total = spans[0], 0
    for span in spans:
        if wanted(forwarder, span):
            total += span.text_bytes if forwarder.with_content else 0
            if chosen and total > BATCH_BYTES:
                break
            chosen.append(span)
        last = span
    return chosen, last


def _deliver(forwarder: TraceForwarder, spans: Sequence[Stored], *, with_content: bool) -> None:
    """Send spans; what the other side finds too large goes in halves, a single span without its texts.

    Else one long text would keep all that comes after it from being sent. Raises SendError.
    """
    try:
        _send(forwarder, spans, with_content=with_content)
    except SendError as error:
        if error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        middle = len(spans) // 2
        if middle:
            _deliver(forwarder, spans[:middle], with_content=with_content)
            _deliver(forwarder, spans[middle:], with_content=with_content)
        elif with_content:
            logger.warning("Forwarder %s: a span goes without its texts: %s", forwarder.pk, error)
            _send(forwarder, spans, with_content=False)
        else:
            raise


def _send(forwarder: TraceForwarder, spans: Sequence[Stored], *, with_content: bool) -> None:
    whole = with_texts(forwarder.workspace_id, spans) if with_content else spans
    body = encode(whole, with_content=with_content)
    allow_private = forwarder.workspace.allow_private_network
    asyncio.run(send(forwarder.endpoint, body, forwarder.headers, allow_private=allow_private))


def wanted(forwarder: TraceForwarder, span: Stored) -> bool:
    """Whether the filter and the sampling let a span through; all spans of a trace are sampled alike."""
    if forwarder.environments and span.environment not in forwarder.environments:
        return False
    if forwarder.types and span.type not in forwarder.types:
        return False
    return (span.trace_id.int % _SPACE) / _SPACE < forwarder.sampling
