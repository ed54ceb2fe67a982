"""`POST /ingestion`: batches of events.

The SDK lines 3 and 4 send their scores this way; older ones, and gateways, everything.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import permissions
from apps.core.exceptions import FlywheelError, Invalid, Unavailable
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.langfuse import dataset_run
from apps.interop.langfuse.events import STEP_TYPES, TRACE, piece_of
from apps.interop.langfuse.score import store_score
from apps.interop.langfuse.values import as_object, text
from apps.tracing.models import Observation
from apps.tracing.services.span_draft import Piece, add_pieces

MAX_EVENTS = 5_000
Event = dict[str, Any]
#: What an SDK says about itself is taken and dropped.
_DROPPED: Final = frozenset({"sdk-log"})


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
        pieces: list[Piece] = []
        for entry in batch:
            event_id = text(entry.get("id")) if isinstance(entry, dict) else ""
            try:
                if (piece := self._take(as_object(entry), event_id)) is not None:
                    pieces.append(piece)
                successes.append({"id": event_id, "status": 201})
            except FlywheelError as error:
                errors.append(
                    {"id": event_id, "status": 400, "message": str(error.title), "error": str(error.detail)}
                )
        self._store(pieces)
        return Response({"successes": successes, "errors": errors}, status=207)

    def _store(self, pieces: list[Piece]) -> None:
        """Store what the events say of spans, before anything is answered."""
        if not pieces:
            return
        try:
            add_pieces(workspace_id=self.workspace.pk, pieces=pieces)
        except psycopg.Error as error:
            raise Unavailable("The database takes no spans at the moment. Send again in a moment.") from error

    def _take(self, event: Event, event_id: str) -> Piece | None:
        """Do what an event says; what it says of a span is returned, to be stored with the others'."""
        kind, body = text(event.get("type")), as_object(event.get("body"))
        if kind == "score-create":
            self._score(body, event_id)
        elif kind == "dataset-run-item-create":
            dataset_run.put(actor=self.actor, user=self.request.user, workspace=self.workspace, body=body)
        elif kind == TRACE or kind in STEP_TYPES:
            self._may_store()
            return piece_of(kind, event, body)
        elif kind not in _DROPPED:
            raise Invalid(f"Events of the type {kind[:60]!r} are not taken.")
        return None

    def _may_store(self) -> None:
        """Asked once for a batch; a role that may not store spans refuses it as a whole."""
        if not getattr(self, "_allowed", False):
            permissions.require_in(self.actor, "add", Observation, self.workspace)
            self._allowed = True

    def _score(self, body: Event, event_id: str) -> None:
        score_id = text(body.get("id")) or event_id
        if not score_id:
            raise Invalid("The event has no id.")
        store_score(actor=self.actor, workspace=self.workspace, body=body, score_id=score_id)
