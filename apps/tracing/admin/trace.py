"""The page of one trace."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.core.admin.pages import ConsolePage
from apps.core.admin.role import role_allows
from apps.core.exceptions import NotAllowed
from apps.tracing import links, panels, selectors
from apps.tracing.admin.bulk import offered
from apps.tracing.admin.lookup import trace_or_404
from apps.tracing.admin.notes import notes_data
from apps.tracing.explorer import TRACES
from apps.tracing.models import Comment, Observation, Score, Trace
from apps.tracing.services.trace import delete_trace, set_bookmark


class TracePage(ConsolePage):
    """One trace: tree, timeline and what each step took and gave."""

    template_name = "tracing/trace_detail.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Everything but inputs and outputs, which the page fetches for the chosen step."""
        trace = trace_or_404(request, self.workspace, kwargs["trace_id"])
        observations = _first_of_each_id(selectors.list_observations(trace))
        scores = Score.objects.in_workspace(self.workspace).of_traces([trace.trace_id])
        comments = Comment.objects.in_workspace(self.workspace).visible_to(request.user)
        return {
            "title": trace.name,
            "trace": trace,
            "source": links.resolve(trace.source_type, trace.source_id) if trace.source_type else None,
            "may_mark": role_allows(request, "change", Trace),
            "may_delete": role_allows(request, "delete", Trace),
            "has_actions": bool(offered(request, TRACES.name)),
            "panels": panels.render(request, trace),
            "hidden_count": max(trace.observation_count - len(observations), 0),
            "data": {
                "traceId": trace.trace_id,
                "start": _micros(trace.start_time),
                "end": _micros(trace.end_time),
                "firstChars": selectors.FIRST_CHARS,
                "observations": [_row(observation) for observation in observations],
                "notes": notes_data(
                    user=request.user,
                    workspace=self.workspace,
                    scores=scores,
                    comments=comments.of_traces([trace.trace_id]),
                    trace_id=trace.trace_id,
                ),
            },
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Bookmark or delete the trace."""
        trace = trace_or_404(request, self.workspace, kwargs["trace_id"])
        try:
            if request.POST.get("action") == "delete":
                delete_trace(actor=self.actor, trace=trace)
                return redirect("admin:tracing_traces")
            set_bookmark(actor=self.actor, trace=trace, bookmarked=request.POST.get("action") == "bookmark")
        except NotAllowed as error:
            raise PermissionDenied(str(error.detail)) from error
        return redirect("admin:tracing_trace", trace.trace_id)


def _first_of_each_id(steps: Iterable[Observation]) -> list[Observation]:
    """Where a client used an id twice, the step that everything else finds under it."""
    found: dict[str, Observation] = {}
    for step in steps:
        found.setdefault(step.span_id, step)
    return list(found.values())


def _micros(moment: Any) -> int:
    return int(moment.timestamp() * 1_000_000)


def _row(observation: Observation) -> dict[str, Any]:
    """What the tree draws of an observation; empty values are left out, since there may be thousands."""
    row: dict[str, Any] = {
        "id": observation.span_id,
        "parent": observation.parent_id,
        "type": observation.type,
        "name": observation.name,
        "start": _micros(observation.start_time),
        "end": _micros(observation.end_time),
        "error": observation.status == "error",
        "message": observation.status_message,
        "model": observation.model,
        "input": observation.input_tokens,
        "output": observation.output_tokens,
        "cost": None if observation.cost is None else float(observation.cost),
        "ttft": observation.ttft_ms,
    }
    return {name: value for name, value in row.items() if value not in (None, "", False)}
