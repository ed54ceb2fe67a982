"""Scores as SDKs send them: one, a list, or events of a batch."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, Invalid
from apps.core.models import Workspace
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.langfuse import ids
from apps.tracing.models import Score, ScoreDataType, ScoreSource
from apps.tracing.services.score import record_score

MAX_LIST = 1_000
_TYPES = {
    "NUMERIC": ScoreDataType.NUMERIC,
    "BOOLEAN": ScoreDataType.BOOLEAN,
    "CATEGORICAL": ScoreDataType.CATEGORICAL,
    "TEXT": ScoreDataType.TEXT,
    "CORRECTION": ScoreDataType.TEXT,
}


class ScoresView(AdapterView):
    """`POST /scores`: an object up to the SDK's line 4, a list from line 5."""

    required_scopes = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        """One score is answered with its id; a list says how many of it were wrong."""
        if not isinstance(request.data, list):
            given = as_object(request.data)
            score_id = text(given.get("id")) or str(uuid4())
            store_score(actor=self.actor, workspace=self.workspace, body=given, score_id=score_id)
            return Response({"id": score_id})
        if len(request.data) > MAX_LIST:
            raise Invalid(f"A list may hold {MAX_LIST} scores at most.")
        errors = self._store(request.data)
        if not errors:
            return Response({"message": "Accepted"}, status=202)
        accepted = len(request.data) - len(errors)
        return Response({"accepted": accepted, "rejected": len(errors), "errors": errors}, status=207)

    def _store(self, bodies: list[Any]) -> list[dict[str, str]]:
        errors: list[dict[str, str]] = []
        for body in bodies:
            try:
                given = as_object(body)
                score_id = text(given.get("id")) or str(uuid4())
                store_score(actor=self.actor, workspace=self.workspace, body=given, score_id=score_id)
            except FlywheelError as error:
                errors.append({"message": str(error.detail)})
        return errors


def store_score(*, actor: Actor, workspace: Workspace, body: Mapping[str, Any], score_id: str) -> Score:
    """Record the score of a request body; the same id again replaces the value. Raises FlywheelError."""
    data_type, value, string_value = typed_value(body)
    if not body.get("traceId") and not body.get("sessionId"):
        raise Invalid("A score needs a traceId or a sessionId; scores of dataset runs are not stored here.")
    trace_id = ids.trace_id(text(body.get("traceId")))
    return record_score(
        actor=actor,
        workspace=workspace,
        trace_id=trace_id,
        observation_id=ids.span_id(text(body.get("observationId"))) if trace_id else "",
        session_id=text(body.get("sessionId")),
        name=text(body.get("name")),
        data_type=data_type,
        value=value,
        string_value=string_value,
        comment=text(body.get("comment")),
        source=ScoreSource.API,
        author_ref=f"langfuse:{score_id}"[:200],
    )


def typed_value(body: Mapping[str, Any]) -> tuple[str, float | None, str]:
    """Type, number and text of a body's `value`. Without a type a number is numeric and a text a category."""
    value = body.get("value")
    named = body.get("dataType")
    default = "CATEGORICAL" if isinstance(value, str) else "NUMERIC"
    data_type = _TYPES.get(text(named).upper() if named else default)
    if data_type is None:
        raise Invalid("The dataType is NUMERIC, BOOLEAN, CATEGORICAL, TEXT or CORRECTION.")
    if data_type in (ScoreDataType.CATEGORICAL, ScoreDataType.TEXT):
        return data_type, None, text(value)
    try:
        return data_type, float(value if value is not None else "none"), ""
    except (TypeError, ValueError, OverflowError):
        raise Invalid("The value of this score is a number.") from None


def as_object(value: Any) -> dict[str, Any]:
    """`value`, when it is a JSON object; raises Invalid for anything else."""
    if not isinstance(value, dict):
        raise Invalid("A JSON object is expected here.")
    return value


def text(value: Any) -> str:
    """A value as text without NUL; empty for null."""
    return "" if value is None else str(value).replace("\0", "")
