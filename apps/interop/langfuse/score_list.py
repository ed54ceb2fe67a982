"""Scores as SDKs read them: pages (v1, v2) and cursors (v3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid, NotFound
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.core.models.api_key import Scope
from apps.core.numbers import whole_number
from apps.interop.base import AdapterView, Caller
from apps.interop.langfuse import ids
from apps.interop.langfuse.cursor import read_after
from apps.interop.langfuse.pages import BoundedPage, limit_of
from apps.interop.langfuse.score import REFERENCE, ScoresView
from apps.interop.langfuse.values import as_object, between, listed, text
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most
from apps.tracing.models import Score, ScoreDataType, ScoreSource, Trace
from apps.tracing.querysets import ScoreQuerySet
from apps.tracing.services.score import delete_score

MAX_V3: Final = 100
#: Traces of a user that are looked at for their scores.
MAX_TRACES: Final = 10_000
SOURCES: Final = {
    ScoreSource.API: "API",
    ScoreSource.ANNOTATION: "ANNOTATION",
    ScoreSource.EVALUATOR: "EVAL",
    # end users' thumbs come by the API
    ScoreSource.USER: "API",
}
_OPERATORS: Final = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "=": "exact"}
_COLUMNS: Final = {
    "name": "name", "environment": "environment", "source": "source", "dataType": "data_type",
    "stringValue": "string_value", "sessionId": "session_id", "traceId": "trace_id",
    "observationId": "observation_id", "queueId": "queue_id",
}  # fmt: skip
_IDS: Final = {"traceId": ids.trace_id, "observationId": ids.span_id}
_TEXTS: Final = {"contains": "contains", "does not contain": "contains", "starts with": "startswith"}
_FIELDS: Final = {
    "name": "name",
    "environment": "environment",
    "queueId": "queue_id",
    "sessionId": "session_id",
    "datasetRunId": "dataset_run_id",
    "experimentId": "dataset_run_id",
}


class AllScoresView(ScoresView):
    """`/scores`: post them, or read a page."""

    required_scopes = {"POST": Scope.INGEST, "GET": Scope.READ}

    def get(self, request: Request) -> Response:
        """The first version of the list."""
        return Response(read_page(request, self.workspace))


class ScorePageView(AdapterView):
    """`/v2/scores`: a page, newest first, with a little of the trace of each."""

    def get(self, request: Request) -> Response:
        """Two queries and one that counts, however many scores there are."""
        return Response(read_page(request, self.workspace))


class ScoreCursorView(AdapterView):
    """`/v3/scores`: newest first, from a cursor on."""

    def get(self, request: Request) -> Response:
        """Values have their own type here; what was scored is told on request (`fields=subject`)."""
        query = request.query_params
        found = filtered(request, self.workspace)
        limit = limit_of(query, MAX_V3)
        with at_most(LIST_TIMEOUT_S):
            rows, cursor = read_after(found, query.get("cursor", ""), limit)
        return Response(
            {"data": [row_v3(score) for score in rows], "meta": {"limit": limit, "cursor": cursor}}
        )


class ScoreView(AdapterView):
    """One score by the id its client gave it, or by ours."""

    required_scopes = {"DELETE": Scope.INGEST}

    def get(self, request: Request, score_id: str) -> Response:
        """As it is now."""
        return Response(row(find_score(request.user, self.workspace, score_id)))

    def delete(self, request: Request, score_id: str) -> Response:
        """Delete it."""
        delete_score(actor=self.actor, score=find_score(request.user, self.workspace, score_id))
        return Response({"message": "Score deleted"})


def read_page(request: Request, workspace: Workspace) -> dict[str, Any]:
    """A page with the traces' users, tags, environments and sessions."""
    found = filtered(request, workspace).order_by("-timestamp", "-id")
    page = BoundedPage.of(found, request.query_params)
    traces = traces_of(workspace, [score.trace_id for score in page.rows if score.trace_id])
    return page.body([{**row(score), "trace": traces.get(score.trace_id)} for score in page.rows])


def filtered(request: Request, workspace: Workspace) -> ScoreQuerySet:
    """The scores that a query asks for; raises Invalid."""
    query = request.query_params
    scores = Score.objects.in_workspace(workspace).visible_to(request.user)
    for name, field in _FIELDS.items():
        if wanted := listed(query, name):
            scores = scores.filter(**{f"{field}__in": wanted})
    scores = _by_kind(_by_subject(scores, query), query)
    scores = between(scores, query, "timestamp")
    of_trace: dict[str, Any] = {}
    if user_id := query.get("userId"):
        of_trace["user_id"] = user_id
    if tags := listed(query, "traceTags"):
        of_trace["tags__contains"] = tags
    if of_trace:
        traces = Trace.objects.in_workspace(workspace).filter(**of_trace).order_by("-start_time")
        newest = traces.values_list("trace_id", flat=True)[:MAX_TRACES]
        scores = scores.filter(trace_id__in=list(newest))
    return scores


def _by_subject(scores: ScoreQuerySet, query: Mapping[str, str]) -> ScoreQuerySet:
    if wanted := listed(query, "traceId"):
        scores = scores.filter(trace_id__in=[ids.trace_id(value) for value in wanted])
    if wanted := listed(query, "observationId"):
        scores = scores.filter(observation_id__in=[ids.span_id(value) for value in wanted])
    for name in ("scoreIds", "id"):
        if wanted := listed(query, name):
            scores = scores.filter(_called(wanted))
    return scores


def _by_kind(scores: ScoreQuerySet, query: Mapping[str, str]) -> ScoreQuerySet:
    if sources := listed(query, "source"):
        scores = scores.filter(source__in=[ours for ours, name in SOURCES.items() if name in sources])
    if kinds := listed(query, "dataType"):
        scores = scores.filter(data_type__in=[kind.lower() for kind in kinds])
    if configs := listed(query, "configId"):
        scores = scores.filter(config_id__in=[value for value in configs if is_uuid(value)])
    if authors := listed(query, "authorUserId"):
        numbers = [number for value in authors if (number := whole_number(value)) is not None]
        scores = scores.filter(author_id__in=numbers)
    bounds = {"valueMin": "gte", "valueMax": "lte"}
    for name, lookup in bounds.items():
        if query.get(name):
            scores = scores.filter(**{f"value__{lookup}": _number(query, name)})
    if query.get("operator") and query.get("value"):
        lookup = _OPERATORS.get(query["operator"], "")
        if not lookup:
            raise Invalid("The operator is one of <, <=, >, >= and =.")
        scores = scores.filter(**{f"value__{lookup}": _number(query, "value")})
    elif query.get("value"):
        scores = scores.filter(string_value__in=listed(query, "value"))
    return scores


def _number(query: Mapping[str, str], name: str) -> float:
    try:
        number = float(query[name])
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e300:
        raise Invalid(f"`{name}` is a number.")
    return number


def _called(names: list[str]) -> Q:
    """Scores that go by one of these ids."""
    # the second condition is what lets the small index of clients' ids be used
    found = Q(author_ref__in=[f"{REFERENCE}{name}" for name in names], author_ref__startswith=REFERENCE)
    return found | Q(pk__in=[name for name in names if is_uuid(name)])


def conditions_on_scores(entries: list[Any]) -> list[Q]:
    """The conditions of a filter's entries on scores; raises Invalid for anything that is none."""
    return [_condition(as_object(entry)) for entry in entries]


def _condition(entry: dict[str, Any]) -> Q:
    column, operator = text(entry.get("column")), text(entry.get("operator"))
    given = entry.get("value")
    if column in {"value", "booleanValue"}:
        return _compared(operator, given)
    field = _COLUMNS.get(column)
    if field is None:
        raise Invalid(f"Conditions on {column[:60]!r} are not served here.")
    values = [_stored(column, text(value)) for value in (given if isinstance(given, list) else [given])]
    if operator in {"=", "any of"}:
        return Q(**{f"{field}__in": _flat(values)})
    if operator == "none of":
        return ~Q(**{f"{field}__in": _flat(values)})
    if operator in _TEXTS and field in {"name", "environment", "string_value"} and values[0]:
        found = Q(**{f"{field}__{_TEXTS[operator]}": values[0][0]})
        return ~found if operator == "does not contain" else found
    raise Invalid(f"The operator {operator[:30]!r} does not go with this column.")


def _compared(operator: str, given: Any) -> Q:
    lookup = _OPERATORS.get(operator, "")
    if not lookup or not isinstance(given, int | float) or not abs(given) < 1e300:
        raise Invalid("A score's value is compared with a number by one of <, <=, >, >= and =.")
    return Q(**{f"value__{lookup}": float(given)})


def _stored(column: str, value: str) -> list[str]:
    """What we store for a value of clients."""
    if column == "source":
        return [ours for ours, name in SOURCES.items() if name == value]
    if column == "dataType":
        return [value.lower()]
    if column == "environment":
        return ["", value] if value == "default" else [value]
    if column in _IDS:
        return [_IDS[column](value)]
    return [value]


def _flat(values: list[list[str]]) -> list[str]:
    return [value for found in values for value in found]


def find_score(user: Caller, workspace: Workspace, score_id: str) -> Score:
    """The score that `user` may see; raises NotFound."""
    scores = Score.objects.in_workspace(workspace).visible_to(user)
    score_id = score_id.removesuffix("/").replace("\0", "")
    score = scores.filter(_called([score_id])).order_by("-timestamp").first()
    if score is None:
        raise NotFound("There is no score with this id.")
    return score


def traces_of(workspace: Workspace, trace_ids: list[str]) -> dict[str, dict[str, Any]]:
    """What a list of scores tells of their traces, by trace id; one query."""
    traces = Trace.objects.in_workspace(workspace).filter(trace_id__in=set(trace_ids))
    return {
        trace.trace_id: {
            "userId": trace.user_id or None,
            "tags": trace.tags,
            "environment": trace.environment or "default",
            "sessionId": trace.session_id or None,
        }
        for trace in traces.only("trace_id", "user_id", "tags", "environment", "session_id")
    }


def id_of(score: Score) -> str:
    """The id that its client gave it, or ours."""
    named = score.author_ref.removeprefix(REFERENCE)
    return named if named != score.author_ref else str(score.pk)


def _shared(score: Score) -> dict[str, Any]:
    metadata = score.metadata
    return {
        "id": id_of(score),
        "name": score.name,
        "source": SOURCES[ScoreSource(score.source)],
        "dataType": score.data_type.upper(),
        "timestamp": score.timestamp,
        "createdAt": score.created_at,
        "updatedAt": score.updated_at,
        "authorUserId": str(score.author_id) if score.author_id else None,
        "comment": score.comment or None,
        "metadata": metadata
        if isinstance(metadata, dict)
        else {}
        if metadata is None
        else {"value": metadata},
        "configId": str(score.config_id) if score.config_id else None,
        "queueId": score.queue_id or None,
        "environment": score.environment or "default",
    }


def row(score: Score) -> dict[str, Any]:
    """A score in the shape of the first two versions."""
    number = score.value if score.value is not None else 0.0
    words = {ScoreDataType.BOOLEAN: "True" if number else "False", ScoreDataType.NUMERIC: None}
    return {
        **_shared(score),
        "traceId": score.trace_id or None,
        "observationId": score.observation_id or None,
        "sessionId": score.session_id or None,
        "datasetRunId": score.dataset_run_id or None,
        "value": number,
        "stringValue": words.get(ScoreDataType(score.data_type), score.string_value),
    }


def row_v3(score: Score) -> dict[str, Any]:
    """A score in the third version's shape."""
    value: Any = score.value if score.value is not None else score.string_value
    if score.data_type == ScoreDataType.BOOLEAN:
        value = bool(score.value)
    return {
        **_shared(score),
        "projectId": str(score.workspace_id),
        "value": value,
        "subject": _subject(score),
    }


def _subject(score: Score) -> dict[str, Any]:
    if score.observation_id:
        return {"kind": "observation", "id": score.observation_id, "traceId": score.trace_id}
    if score.trace_id:
        return {"kind": "trace", "id": score.trace_id}
    if score.session_id:
        return {"kind": "session", "id": score.session_id}
    return {"kind": "experiment", "id": score.dataset_run_id}
