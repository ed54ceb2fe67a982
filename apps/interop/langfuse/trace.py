"""Traces as SDKs read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Any, Final

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid, NotFound
from apps.core.models import Workspace
from apps.interop.base import AdapterView, Caller
from apps.interop.langfuse import ids, observation, score_list
from apps.interop.langfuse.content import NO_CONTENT, Content, parsed, with_contents
from apps.interop.langfuse.filters import read_filter
from apps.interop.langfuse.pages import BoundedPage
from apps.interop.langfuse.stream import answer
from apps.interop.langfuse.values import as_object, between, listed, text
from apps.tracing.models import Observation, Score, Trace
from apps.tracing.querysets import TraceQuerySet
from apps.tracing.selectors import MAX_OBSERVATIONS, find_trace
from apps.tracing.services.trace import delete_trace

#: Ids of observations and scores that a list names in all.
MAX_IDS: Final = 10_000
MAX_DELETED: Final = 1_000
_GROUPS: Final = frozenset({"core", "io", "scores", "observations", "metrics"})
_TEXT_FIELDS: Final = {
    "userId": "user_id",
    "name": "name",
    "sessionId": "session_id",
    "version": "version",
    "release": "release",
    "environment": "environment",
}
_ORDERS: Final = {
    "timestamp": "start_time",
    "name": "name",
    "userId": "user_id",
    "sessionId": "session_id",
    "release": "release",
    "version": "version",
    "id": "trace_id",
    "latency": "latency_ms",
    "totalCost": "cost",
}


class TracesView(AdapterView):
    """`/traces`."""

    def get(self, request: Request) -> HttpResponseBase:
        """A page, newest first; eight queries, and one more for every few megabytes of texts."""
        query = request.query_params
        groups = set(listed(query, "fields") or _GROUPS)
        if unknown := groups - _GROUPS:
            raise Invalid(f"There is no group of fields named {min(unknown)[:40]!r}.")
        page = BoundedPage.of(_ordered(filtered(request, self.workspace), query.get("orderBy", "")), query)
        return answer(request, {"meta": page.meta()}, "data", rows(self.workspace, page.rows, groups))

    def delete(self, request: Request) -> Response:
        """Delete those that the body names."""
        names = as_object(request.data).get("traceIds")
        if not isinstance(names, list) or len(names) > MAX_DELETED:
            raise Invalid(f"`traceIds` is a list of {MAX_DELETED} ids at most.")
        wanted = [ids.trace_id(text(name)) for name in names]
        visible = Trace.objects.in_workspace(self.workspace).visible_to(request.user)
        for trace in visible.filter(trace_id__in=[name for name in wanted if name]).select_related(
            "workspace"
        ):
            delete_trace(actor=self.actor, trace=trace)
        return Response({"message": "Traces deleted"})


class TraceView(AdapterView):
    """One trace."""

    def get(self, request: Request, trace_id: str) -> HttpResponseBase:
        """With its first 5,000 observations and its scores."""
        trace = self._find(request.user, trace_id)
        groups = set(listed(request.query_params, "fields") or _GROUPS)
        (found,) = rows(self.workspace, [trace], groups - {"observations", "scores"})
        scores = Score.objects.in_workspace(self.workspace).of_traces([trace.trace_id])
        kept = [score_list.row(score) for score in scores] if "scores" in groups else []
        steps = self._steps(trace, with_texts="io" in groups) if "observations" in groups else ()
        return answer(request, {**found, "scores": kept}, "observations", steps)

    def _steps(self, trace: Trace, *, with_texts: bool) -> Iterator[dict[str, Any]]:
        found = Observation.objects.of_trace(trace)[:MAX_OBSERVATIONS]
        if with_texts:
            return starmap(observation.row, with_contents(self.workspace, found))
        return (observation.row(one, NO_CONTENT) for one in found)

    def delete(self, request: Request, trace_id: str) -> Response:
        """Delete it with everything it holds."""
        delete_trace(actor=self.actor, trace=self._find(request.user, trace_id))
        return Response({"message": "Trace deleted"})

    def _find(self, user: Caller, name: str) -> Trace:
        trace_id = ids.trace_id(name.removesuffix("/").replace("\0", ""))
        trace = find_trace(user=user, workspace=self.workspace, trace_id=trace_id)
        if trace is None:
            raise NotFound("There is no trace with this id.")
        return trace


def filtered(request: Request, workspace: Workspace) -> TraceQuerySet:
    """The traces that a query asks for; raises Invalid."""
    query = request.query_params
    found = Trace.objects.in_workspace(workspace).visible_to(request.user)
    for name, field in _TEXT_FIELDS.items():
        if wanted := listed(query, name):
            found = found.filter(**{f"{field}__in": wanted})
    if tags := listed(query, "tags"):
        found = found.filter(tags__contains=tags)
    found = between(found, query, "start_time")
    for condition in read_filter(query.get("filter", ""), "traces"):
        found = found.filter(condition)
    return found


def _ordered(found: TraceQuerySet, order: str) -> TraceQuerySet:
    column, _dot, direction = (order or "timestamp.desc").partition(".")
    if column not in _ORDERS or direction.lower() not in {"asc", "desc", ""}:
        raise Invalid(f"Traces are ordered by {', '.join(_ORDERS)}, each .asc or .desc.")
    sign = "-" if direction.lower() == "desc" else ""
    return found.order_by(f"{sign}{_ORDERS[column]}", f"{sign}id")


def rows(workspace: Workspace, traces: Sequence[Trace], groups: set[str]) -> Iterator[dict[str, Any]]:
    """Traces in the SDKs' shape, with the groups of fields that were asked for."""
    roots = _roots_of(workspace, traces) if "io" in groups else {}
    contents = with_contents(
        workspace, [roots[trace.trace_id] for trace in traces if trace.trace_id in roots]
    )
    steps = _step_ids(workspace, traces) if "observations" in groups else {}
    scores = _score_ids(workspace, traces) if "scores" in groups else {}
    for trace in traces:
        entry = _core(trace)
        if trace.trace_id in roots:
            entry |= _content(*next(contents))
        elif "io" in groups:
            entry |= _beginnings(trace)
        if "metrics" in groups:
            entry |= {"latency": trace.latency_ms / 1000, "totalCost": float(trace.cost)}
        if "observations" in groups:
            entry["observations"] = steps.get(trace.trace_id, [])
        if "scores" in groups:
            entry["scores"] = scores.get(trace.trace_id, [])
        yield entry


def _core(trace: Trace) -> dict[str, Any]:
    return {
        "id": trace.trace_id,
        "projectId": str(trace.workspace_id),
        "timestamp": trace.start_time,
        "name": trace.name,
        "sessionId": trace.session_id or None,
        "userId": trace.user_id or None,
        "release": trace.release or None,
        "version": trace.version or None,
        "environment": trace.environment or "default",
        "tags": trace.tags,
        "bookmarked": trace.bookmarked,
        "public": False,
        "input": None,
        "output": None,
        "metadata": {},
        "createdAt": trace.start_time,
        "updatedAt": trace.updated_at,
        "htmlPath": f"/project/{trace.workspace_id}/traces/{trace.trace_id}",
    }


def _content(root: Observation, content: Content) -> dict[str, Any]:
    """What the trace's root says."""
    return {
        "input": parsed(content.input),
        "output": parsed(content.output),
        "metadata": root.metadata or {},
    }


def _beginnings(trace: Trace) -> dict[str, Any]:
    """Where no root has come, what the list shows."""
    return {"input": trace.input_preview or None, "output": trace.output_preview or None}


def _roots_of(workspace: Workspace, traces: Sequence[Trace]) -> dict[str, Observation]:
    steps = Observation.objects.in_workspace(workspace).of_traces(traces)
    roots = steps.filter(parent_id__isnull=True).defer("attributes", "usage")
    found: dict[str, Observation] = {}
    for root in roots.order_by("start_time", "span_id")[:MAX_IDS]:
        found.setdefault(root.trace_id, root)
    return found


def _step_ids(workspace: Workspace, traces: Sequence[Trace]) -> dict[str, list[str]]:
    steps = Observation.objects.in_workspace(workspace).of_traces(traces)
    return _grouped(steps.order_by("start_time").values_list("trace_id", "span_id")[:MAX_IDS])


def _score_ids(workspace: Workspace, traces: Sequence[Trace]) -> dict[str, list[str]]:
    scores = Score.objects.in_workspace(workspace).filter(trace_id__in=[trace.trace_id for trace in traces])
    pairs = scores.order_by("timestamp").only("id", "trace_id", "author_ref")[:MAX_IDS]
    return _grouped((score.trace_id, score_list.id_of(score)) for score in pairs)


def _grouped(pairs: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for trace_id, name in pairs:
        found[trace_id].append(name)
    return found
