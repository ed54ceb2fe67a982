"""The page of one run."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import permissions
from apps.core.exceptions import Invalid, NotFound
from apps.workflows.admin.base import JsonMixin, WorkflowsPage, find_run, text_of
from apps.workflows.admin.graph import graph_of
from apps.workflows.admin.steps import past_events, step_inputs
from apps.workflows.models import RunWait, WorkflowRun
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.answering import give_answer, waits_for
from apps.workflows.services.run import cancel_run, rerun


class RunPage(JsonMixin, WorkflowsPage):
    """A run, live. POST acts on it: cancel, answer, rerun, or asks for what a step was given."""

    template_name = "workflows/run.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """The run has to exist for the person."""
        self.request = request
        self.run = find_run(self, kwargs["run_id"])

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """What does not change; the rest comes as events."""
        run = self.run
        may = self._may()
        return {
            "title": _("Run of %(name)s") % {"name": run.workflow.name},
            "run": run,
            "workflow": run.workflow,
            "may_stop": may["stop"],
            "may_rerun": may["rerun"],
            "may_run": permissions.allows(self.person, "run", run.workflow) and not run.workflow.archived,
            "trace_url": reverse("admin:tracing_trace", args=[run.trace_id]) if run.trace_id else "",
            "conversation_url": self._conversation_url(),
            "data": {
                "run": self._described(),
                "graph": _with_configs(graph_of(run.source, catalogue()), run.source),
                "environment": _environment(run.source),
                "may": may,
                "urls": {
                    "run": reverse("admin:workflows_run", args=[run.pk]),
                    "events": reverse("admin:workflows_run_events", args=[run.pk]),
                    "trace": reverse("admin:tracing_trace", args=["0" * 32]),
                    "socket": f"/ws/runs/{run.pk}/",
                },
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """One of the things that can be done with a run."""
        acts = {"cancel": self._cancel, "answer": self._answer, "rerun": self._rerun, "step": self._step}
        act = acts.get(text_of(body, "act", 20))
        if act is None:
            raise Invalid
        return act(body)

    def _cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        run = cancel_run(actor=self.actor, run=self.run, reason=text_of(body, "reason", 300))
        return {"state": run.state}

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = body.get("answer")
        if not isinstance(answer, dict) or not isinstance(answer.get("values"), dict):
            raise Invalid
        waits = RunWait.objects.filter(run=self.run, path=text_of(body, "path", 400))
        wait = waits.open().select_related("run", "workspace").first()
        if wait is None:
            raise NotFound
        give_answer(
            actor=self.actor, wait=wait, action=text_of(answer, "action", 100), values=answer["values"]
        )
        return {"state": "answered"}

    def _rerun(self, body: dict[str, Any]) -> dict[str, Any]:
        from_path = text_of(body, "from", 400) or None
        edited = body.get("edited")
        inputs, outputs = _edits(self.run, edited if isinstance(edited, dict) else {}, from_path)
        started = rerun(actor=self.actor, run=self.run, from_path=from_path, edited=outputs, inputs=inputs)
        return {"url": reverse("admin:workflows_run", args=[started.pk])}

    def _step(self, body: dict[str, Any]) -> dict[str, Any]:
        return step_inputs(self.run, text_of(body, "path", 400))

    def _may(self) -> dict[str, bool]:
        run, person = self.run, self.person
        change = permissions.allows(person, "change", run)
        own = run.user_id == person.pk
        return {
            "stop": change or own,
            "rerun": (change or own) and not run.workflow.archived,
            "answer": waits_for(person, self.workspace).open().filter(run=run).exists()
            or permissions.allows(person, "answer", run),
        }

    def _described(self) -> dict[str, Any]:
        run = self.run
        return {
            "id": str(run.pk),
            "state": run.state,
            "inputs": run.inputs,
            "query": (run.system or {}).get("query", ""),
            "outputs": run.outputs,
            "error": run.error,
            "ledger_kept": run.ledger_kept,
            "age_ms": round((timezone.now() - (run.started_at or run.queued_at)).total_seconds() * 1000),
        }

    def _conversation_url(self) -> str:
        run = self.run
        if not run.conversation_id:
            return ""
        return f"{reverse('admin:workflows_chat', args=[run.workflow_id])}?conversation={run.conversation_id}"


class RunEventsPage(WorkflowsPage):
    """What a run told until now, for its page; the rest comes over the websocket."""

    def get(self, request: HttpRequest, **kwargs: Any) -> JsonResponse:
        """Events in order."""
        run = find_run(self, kwargs["run_id"])
        return JsonResponse({"events": past_events(run) if run.ledger_kept else []})


def _edits(
    run: WorkflowRun, edited: dict[str, Any], from_path: str | None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Changed inputs (None: those of the run), and changed outputs by reference. ``inputs.x`` is both: the start
    node is not run again when the run goes on from a later one."""
    given = {name.partition(".")[2]: value for name, value in edited.items() if name.startswith("inputs.")}
    outputs = {name: value for name, value in edited.items() if not name.startswith("inputs.")}
    if from_path:
        start = next((n["id"] for n in run.source.get("nodes") or () if n.get("type") == "start"), "start")
        outputs |= {f"{start}.{name}": value for name, value in given.items()}
    return ({**run.inputs, **given} if given else None), outputs


def _with_configs(graph: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The graph with the configuration of each node, as it stands in the document."""
    configs: dict[str, Any] = {}
    stack = [document]
    while stack:
        for node in stack.pop().get("nodes") or ():
            configs[node["id"]] = node.get("config") or {}
            if node.get("body"):
                stack.append(node["body"])
    for node in graph["nodes"]:
        node["config"] = configs.get(node["id"], {})
    return graph


def _environment(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for variable in (document.get("variables") or {}).get("environment") or []:
        secret = variable.get("type") == "secret"
        value = None if secret else variable.get("value")
        found.append({"name": variable.get("name"), "secret": secret, "value": value})
    return found
