"""Observations as SDKs read them: pages (v1) and cursors (v2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import starmap
from typing import Any, Final

from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid, NotFound
from apps.core.models import Workspace
from apps.interop.base import AdapterView
from apps.interop.langfuse import ids
from apps.interop.langfuse.content import NO_CONTENT, Content, parsed, with_contents
from apps.interop.langfuse.filters import read_filter
from apps.interop.langfuse.pages import BoundedPage, limit_of
from apps.interop.langfuse.stream import answer
from apps.interop.langfuse.values import between, listed
from apps.tracing.explorer import keyset
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most
from apps.tracing.models import Observation, Trace
from apps.tracing.querysets import ObservationQuerySet

MAX_V2: Final = 1_000
#: A single observation is looked for among so many days, unless its trace is named: ids alone are not indexed.
SEARCHED: Final = timedelta(days=30)
_METADATA_CHARS: Final = 200
_DEFAULT_GROUPS: Final = ("core", "basic")
_TEXT_FIELDS: Final = {"name": "name", "version": "version", "environment": "environment"}
_GROUPS: Final = {
    "core": ("id", "traceId", "startTime", "endTime", "projectId", "parentObservationId", "type"),
    "basic": ("name", "level", "statusMessage", "version", "environment", "bookmarked", "public", "userId",
              "sessionId", "isRootObservation"),
    "time": ("completionStartTime", "createdAt", "updatedAt"),
    "io": ("input", "output"),
    "metadata": ("metadata",),
    "model": ("model", "providedModelName", "internalModelId", "modelParameters"),
    "usage": ("usageDetails", "costDetails", "totalCost", "inputUsage", "outputUsage", "totalUsage"),
    "prompt": ("promptId", "promptName", "promptVersion"),
    "metrics": ("latency", "timeToFirstToken"),
    "trace_context": ("traceName", "tags", "release"),
}  # fmt: skip


class ObservationsView(AdapterView):
    """`/observations`: a page, newest first, each with input and output."""

    def get(self, request: Request) -> HttpResponseBase:
        """Four queries, and one more for every few megabytes of texts."""
        found = filtered(request, self.workspace).order_by("-start_time", "trace_id", "span_id")
        page = BoundedPage.of(found, request.query_params)
        rows = starmap(row, with_contents(self.workspace, page.rows))
        return answer(request, {"meta": page.meta()}, "data", rows)


class ObservationView(AdapterView):
    """One observation by its id."""

    def get(self, request: Request, observation_id: str) -> Response:
        """Of the last 30 days, or of the trace that `traceId` names."""
        span_id = ids.span_id(observation_id.removesuffix("/").replace("\0", ""))
        found = Observation.objects.in_workspace(self.workspace).visible_to(request.user)
        found = found.filter(span_id=span_id)
        if trace_id := request.query_params.get("traceId"):
            found = _in_traces(found, self.workspace, [trace_id])
        else:
            found = found.filter(start_time__gte=timezone.now() - SEARCHED)
        with at_most(LIST_TIMEOUT_S):
            one = found.order_by("-start_time").first()
        if one is None:
            raise NotFound("There is no observation with this id in the last 30 days.")
        (found_row,) = starmap(row, with_contents(self.workspace, [one]))
        return Response(found_row)


class ObservationCursorView(AdapterView):
    """`/v2/observations`: newest first, from a cursor on, with the groups of fields that were asked for."""

    def get(self, request: Request) -> HttpResponseBase:
        """Input and output are read only when they are asked for."""
        query = request.query_params
        groups = set(listed(query, "fields") or _DEFAULT_GROUPS) | {"core"}
        if unknown := groups - _GROUPS.keys():
            raise Invalid(f"There is no group of fields named {min(unknown)[:40]!r}.")
        limit = limit_of(query, MAX_V2)
        found = filtered(request, self.workspace)
        with at_most(LIST_TIMEOUT_S):
            window = keyset.read(
                found, ties=("trace_id", "span_id"), cursor=query.get("cursor", ""), size=limit
            )
        found_io: Iterable[tuple[Observation, Content]] = (
            with_contents(self.workspace, window.rows)
            if "io" in groups
            else ((one, NO_CONTENT) for one in window.rows)
        )
        traces = _traces_of(self.workspace, window.rows) if "trace_context" in groups else {}
        expanded = set(listed(query, "expandMetadata"))
        rows = (
            _row_v2(one, content, traces.get(one.trace_id), groups, expanded) for one, content in found_io
        )
        return answer(request, {"meta": {"cursor": window.older or None}}, "data", rows)


def filtered(request: Request, workspace: Workspace) -> ObservationQuerySet:
    """The observations that a query asks for; raises Invalid."""
    query = request.query_params
    found = Observation.objects.in_workspace(workspace).visible_to(request.user)
    for name, field in _TEXT_FIELDS.items():
        if wanted := listed(query, name):
            found = found.filter(**{f"{field}__in": wanted})
    for name in ("type", "level"):
        if wanted := listed(query, name):
            found = found.filter(**{f"{name}__in": [value.lower() for value in wanted]})
    if traces := listed(query, "traceId"):
        found = _in_traces(found, workspace, traces)
    if parent := query.get("parentObservationId"):
        found = found.filter(parent_id=ids.span_id(parent.replace("\0", "")))
    if root := query.get("isRootObservation"):
        found = found.filter(parent_id__isnull=root.lower() == "true")
    found = _of_person(between(found, query, "start_time", asked="StartTime"), workspace, query)
    found = found.with_duration()
    for condition in read_filter(query.get("filter", ""), "observations"):
        found = found.filter(condition)
    return found


def _in_traces(found: ObservationQuerySet, workspace: Workspace, names: list[str]) -> ObservationQuerySet:
    """Those of these traces; only the partitions of their time are read."""
    wanted = [ids.trace_id(name) for name in names]
    return found.of_traces(list(Trace.objects.in_workspace(workspace).filter(trace_id__in=wanted)))


def _of_person(
    found: ObservationQuerySet, workspace: Workspace, query: Mapping[str, str]
) -> ObservationQuerySet:
    """User and session are the trace's: steps need not repeat them."""
    wanted = {
        field: query[name].replace("\0", "")
        for name, field in (("userId", "user_id"), ("sessionId", "session_id"))
        if query.get(name)
    }
    if not wanted:
        return found
    traces = Trace.objects.in_workspace(workspace).filter(**wanted)
    return found.filter(trace_id__in=traces.values("trace_id"))


def _traces_of(workspace: Workspace, rows: list[Observation]) -> dict[str, Trace]:
    traces = Trace.objects.in_workspace(workspace).filter(trace_id__in={one.trace_id for one in rows})
    return {trace.trace_id: trace for trace in traces}


def row(one: Observation, content: Content) -> dict[str, Any]:
    """An observation in the first version's shape, with everything."""
    values = _values(one, content)
    usage = one.usage or {}
    return {
        **values,
        "input": parsed(content.input),
        "output": parsed(content.output),
        "usage": {
            "input": one.input_tokens or 0,
            "output": one.output_tokens or 0,
            "total": (one.input_tokens or 0) + (one.output_tokens or 0),
            "unit": "TOKENS",
        },
        "usageDetails": usage,
        "modelId": None,
        "inputPrice": None,
        "outputPrice": None,
        "totalPrice": None,
        "calculatedInputCost": None,
        "calculatedOutputCost": None,
        "calculatedTotalCost": values["totalCost"],
    }


def _row_v2(
    one: Observation, content: Content, trace: Trace | None, groups: set[str], expanded: set[str]
) -> dict[str, Any]:
    values = _values(one, content)
    values["metadata"] = {
        key: value if key in expanded else _short(value) for key, value in values["metadata"].items()
    }
    if trace is not None:
        values |= {"traceName": trace.name, "tags": trace.tags, "release": trace.release or None}
    wanted = [name for group in _GROUPS if group in groups for name in _GROUPS[group]]
    return {name: values[name] for name in wanted if name in values}


def _values(one: Observation, content: Content) -> dict[str, Any]:
    attributes = one.attributes or {}
    cost = float(one.cost) if one.cost is not None else None
    first = None if one.ttft_ms is None else one.start_time + timedelta(milliseconds=one.ttft_ms)
    return {
        "id": one.span_id,
        "traceId": one.trace_id,
        "projectId": str(one.workspace_id),
        "parentObservationId": one.parent_id,
        "isRootObservation": one.parent_id is None,
        "type": one.type.upper(),
        "name": one.name,
        "startTime": one.start_time,
        "endTime": one.end_time,
        "completionStartTime": first,
        "createdAt": one.received_at,
        "updatedAt": one.received_at,
        "level": one.level.upper(),
        "statusMessage": one.status_message or None,
        "version": one.version or None,
        "environment": one.environment or "default",
        "userId": one.user_id or None,
        "sessionId": one.session_id or None,
        "bookmarked": False,
        "public": False,
        "input": content.input or None,
        "output": content.output or None,
        "metadata": one.metadata or {},
        "model": one.model or None,
        "providedModelName": one.model or None,
        "internalModelId": None,
        "modelParameters": attributes.get("model_parameters") or {},
        "usageDetails": one.usage or {},
        "inputUsage": one.input_tokens or 0,
        "outputUsage": one.output_tokens or 0,
        "totalUsage": (one.input_tokens or 0) + (one.output_tokens or 0),
        "costDetails": {} if cost is None else {"total": cost},
        "totalCost": cost,
        "promptId": None,
        "promptName": one.prompt_name or None,
        "promptVersion": int(one.prompt_version) if one.prompt_version.isdecimal() else None,
        "latency": one.latency_ms / 1000,
        "timeToFirstToken": None if one.ttft_ms is None else one.ttft_ms / 1000,
    }


def _short(value: Any) -> Any:
    return value[:_METADATA_CHARS] if isinstance(value, str) else value
