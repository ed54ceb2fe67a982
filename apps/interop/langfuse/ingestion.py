"""`POST /ingestion`: batches of events. The SDK lines 3 and 4 send their scores this way."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import FlywheelError, Invalid
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.langfuse.score import store_score
from apps.interop.langfuse.values import as_object, text

MAX_EVENTS = 5_000
Event = dict[str, Any]


class IngestionView(AdapterView):
    """Each event is stored or refused by itself. An event sent again changes nothing."""

    required_scopes = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        """Always 207: any other success makes clients send the batch again."""
        batch = as_object(request.data).get("batch")
        if not isinstance(batch, list) or len(batch) > MAX_EVENTS:
            raise Invalid(f"`batch` is a list of {MAX_EVENTS} events at most.")
        successes: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for entry in batch:
            event_id = text(entry.get("id")) if isinstance(entry, dict) else ""
            try:
                self._take(as_object(entry), event_id)
                successes.append({"id": event_id, "status": 201})
            except FlywheelError as error:
                errors.append(
                    {"id": event_id, "status": 400, "message": str(error.title), "error": str(error.detail)}
                )
        return Response({"successes": successes, "errors": errors}, status=207)

    def _take(self, event: Event, event_id: str) -> None:
        handlers: dict[str, Callable[[Event, str], None]] = {
            "score-create": self._score,
            # what an SDK says about itself
            "sdk-log": lambda _body, _id: None,
        }
        kind = text(event.get("type"))
        handler = handlers.get(kind)
        if handler is None:
            raise Invalid(f"Events of the type {kind[:60]!r} are not taken; send spans over OpenTelemetry.")
        handler(as_object(event.get("body")), event_id)

    def _score(self, body: Event, event_id: str) -> None:
        score_id = text(body.get("id")) or event_id
        if not score_id:
            raise Invalid("The event has no id.")
        store_score(actor=self.actor, workspace=self.workspace, body=body, score_id=score_id)
