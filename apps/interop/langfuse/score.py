"""Scores as SDKs send them: one, a list, or events of a batch."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, Invalid
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.langfuse import ids
from apps.interop.langfuse.values import as_object, moment, text
from apps.tracing.models import Score, ScoreConfig, ScoreDataType, ScoreSource
from apps.tracing.services.score import ScoreContext, record_score

MAX_LIST = 1_000
#: How the id that a client gave a score is kept: as its author's reference, which is unique with the subject.
REFERENCE = "langfuse:"
MAX_REFERENCE = 200
_SOURCES = {"ANNOTATION": ScoreSource.ANNOTATION, "EVAL": ScoreSource.EVALUATOR, "API": ScoreSource.API}
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
    config = _config(workspace, body)
    data_type, value, string_value = typed_value(body, config)
    if not any(body.get(name) for name in ("traceId", "sessionId", "datasetRunId")):
        raise Invalid("A score needs a traceId, a sessionId or a datasetRunId.")
    trace_id = ids.trace_id(text(body.get("traceId")))
    return record_score(
        actor=actor,
        workspace=workspace,
        trace_id=trace_id,
        observation_id=ids.span_id(text(body.get("observationId"))) if trace_id else "",
        session_id=text(body.get("sessionId")),
        dataset_run_id=text(body.get("datasetRunId")),
        name=text(body.get("name")),
        data_type=data_type,
        value=value,
        string_value=string_value,
        comment=text(body.get("comment")),
        source=_SOURCES.get(text(body.get("source")).upper(), ScoreSource.API),
        author_ref=f"{REFERENCE}{score_id}"[:MAX_REFERENCE],
        context=ScoreContext(
            timestamp=moment(body, "timestamp"),
            environment=text(body.get("environment")),
            queue_id=text(body.get("queueId")),
            metadata=body.get("metadata"),
        ),
    )


def _config(workspace: Workspace, body: Mapping[str, Any]) -> ScoreConfig | None:
    """The definition that a body names by id; scores follow the one of their name anyway."""
    reference = text(body.get("configId"))
    if not reference:
        return None
    configs = ScoreConfig.objects.in_workspace(workspace).filter(name=text(body.get("name")).strip())
    config = configs.filter(pk=reference).first() if is_uuid(reference) else None
    if config is None:
        raise Invalid("There is no score config with this id and name.")
    return config


def typed_value(body: Mapping[str, Any], config: ScoreConfig | None = None) -> tuple[str, float | None, str]:
    """Type, number and text of a body's `value`.

    Without a type it is the definition's; without that a number is numeric and a text a category.
    """
    value = body.get("value")
    named = body.get("dataType")
    default = "CATEGORICAL" if isinstance(value, str) else "NUMERIC"
    if config is not None:
        default = config.data_type.upper()
    data_type = _TYPES.get(text(named).upper() if named else default)
    if data_type is None:
        raise Invalid("The dataType is NUMERIC, BOOLEAN, CATEGORICAL, TEXT or CORRECTION.")
    if data_type in (ScoreDataType.CATEGORICAL, ScoreDataType.TEXT):
        return data_type, None, text(value)
    try:
        return data_type, float(value if value is not None else "none"), ""
    except (TypeError, ValueError, OverflowError):
        raise Invalid("The value of this score is a number.") from None
