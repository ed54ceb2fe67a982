"""REST endpoints of runs: start, follow, stop, answer, run again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.api.async_view import AsyncAPIView
from apps.agents.threads import in_thread
from apps.core import permissions
from apps.core.actors import Actor
from apps.core.api.idempotency import idempotent, once
from apps.core.api.sse import follow, last_event_id, single
from apps.core.api.viewsets import WorkspaceScoped
from apps.core.models.api_key import Scope
from apps.workflows.api import serializers as shapes
from apps.workflows.api.filters import RunFilter, WaitFilter
from apps.workflows.models import RunMode, RunWait, TriggerKind, WorkflowKind, WorkflowRun
from apps.workflows.payloads import run_payload, wait_payload
from apps.workflows.runner import calls
from apps.workflows.selectors import get_run, get_version, get_workflow, run_graph_state
from apps.workflows.services import run as service
from apps.workflows.services.answering import give_answer
from apps.workflows.services.chat import conversation_for
from apps.workflows.services.debug import try_node

_CHAT = {"POST": Scope.CHAT}
_EVENTS = {
    (200, "text/event-stream"): OpenApiResponse(
        OpenApiTypes.STR,
        description="Server-sent events; `id` is the sequence number to resume after. See docs/api/workflows.md.",
    )
}
_RESUME = [
    OpenApiParameter(
        "Last-Event-ID", OpenApiTypes.INT, OpenApiParameter.HEADER, description="Go on after this event."
    ),
    OpenApiParameter(
        "after_seq",
        OpenApiTypes.INT,
        OpenApiParameter.QUERY,
        description="The same, for clients without headers.",
    ),
]


class RunStartView(AsyncAPIView):
    """Run a workflow."""

    required_scopes = _CHAT

    @extend_schema(
        summary="Run a workflow",
        request=shapes.StartRunSerializer,
        responses={
            (200, "application/json"): shapes.RunSerializer,
            (202, "application/json"): shapes.RunSerializer,
            **_EVENTS,
        },
    )
    async def post(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Start a run, and wait for its end, follow its events, or go on at once.

        The run goes on when the client goes away. A blocking call that has waited as long as it may, or whose run
        needs an answer, gets 202 with the run as it stands.
        """
        await in_thread(get_workflow, _workspace(request), _user(request), pk)
        given = shapes.StartRunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        started = await in_thread(once, request, lambda: _start(request, pk, data))
        return await _answered(request, UUID(started["run_id"]), data["response"], data.get("timeout_s"))


class TryNodeView(AsyncAPIView):
    """Run one node alone."""

    @extend_schema(
        summary="Run one node alone",
        request=shapes.TryNodeInputSerializer,
        responses={
            (200, "application/json"): shapes.RunSerializer,
            (202, "application/json"): shapes.RunSerializer,
        },
    )
    async def post(self, request: Request, pk: UUID, node_id: str) -> HttpResponseBase:
        """Run a node of the draft with given outputs of the nodes it reads, and return what it leaves behind."""
        await in_thread(get_workflow, _workspace(request), _user(request), pk)
        given = shapes.TryNodeInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = await in_thread(_try, request, pk, node_id, given.validated_data)
        return await _answered(request, run.pk, "blocking", None)


class RunEventsView(AsyncAPIView):
    """Follow a run."""

    @extend_schema(summary="Follow a run's events", parameters=_RESUME, responses=_EVENTS)
    async def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Events after any event on; ends with the run."""
        after = last_event_id(request)
        run = await in_thread(get_run, _workspace(request), _user(request), pk)
        if run.is_final and not run.ledger_kept:
            return single(_last_event(run), run_payload(run))
        return follow(run.pk, after)


@extend_schema_view(
    list=extend_schema(summary="Runs, newest first", responses=shapes.RunSerializer(many=True)),
    retrieve=extend_schema(summary="One run", responses=shapes.RunSerializer),
)
class RunViewSet(
    WorkspaceScoped[WorkflowRun],
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[WorkflowRun],
):
    """Runs of the workspace."""

    queryset = WorkflowRun.objects.defer("document", "system").select_related("workflow")
    serializer_class: Any = shapes.RunSerializer  # renders payloads, not rows
    filterset_class = RunFilter

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rows without what their nodes did."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([run_payload(run) for run in page or ()])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A run with its result."""
        return Response(run_payload(self.get_object()))

    @extend_schema(summary="Where a run stands", responses=shapes.SnapshotSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def snapshot(self, request: Request, **kwargs: Any) -> Response:
        """The states of its nodes; events after `seq` bring it up to date."""
        run = self.get_object()
        state = run_graph_state(run)
        return Response(
            {
                "seq": state.seq,
                "run": run_payload(run),
                "nodes": [asdict(node) for node in state.nodes.values()],
                "text": state.text,
                "waits": [wait_payload(wait) for wait in run.waits.open()],
            }
        )

    @extend_schema(summary="Stop a run", request=shapes.CancelInputSerializer, responses=shapes.RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """What its nodes are doing is cancelled; its events end with `run.stopped`."""
        run = self.get_object()
        given = self._read(shapes.CancelInputSerializer)
        run = service.cancel_run(actor=self.actor, run=run, reason=given.get("reason", ""))
        return Response(run_payload(run))

    @extend_schema(
        summary="Run again",
        request=shapes.RerunInputSerializer,
        responses={201: shapes.RunSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def rerun(self, request: Request, **kwargs: Any) -> Response:
        """From the beginning, or from a node with edited values; a new run."""
        whole = self._whole()
        given = self._read(shapes.RerunInputSerializer)
        run = service.rerun(
            actor=self.actor,
            run=whole,
            from_path=given.get("from_path") or None,
            edited=given.get("edited"),
            inputs=given.get("inputs"),
            mode=RunMode(given["mode"]),
        )
        return Response(run_payload(run), status=201)

    def _whole(self) -> WorkflowRun:
        return get_run(self.workspace, self.request.user, self.get_object().pk)

    def _read(self, kind: Any) -> dict[str, Any]:
        given = kind(data=self.request.data)
        given.is_valid(raise_exception=True)
        read: dict[str, Any] = given.validated_data
        return read


@extend_schema_view(
    list=extend_schema(summary="What runs wait for, newest first"),
    retrieve=extend_schema(summary="One wait"),
)
class WaitViewSet(
    WorkspaceScoped[RunWait],
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[RunWait],
):
    """Questions, forms and approvals."""

    queryset = RunWait.objects.select_related("run__workflow", "workspace")
    serializer_class = shapes.WaitSerializer
    filterset_class = WaitFilter

    @extend_schema(summary="Answer", request=shapes.AnswerInputSerializer, responses=shapes.WaitSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, **kwargs: Any) -> Response:
        """The run goes on; 409 `wait_closed` when it was answered already."""
        asked = self.get_object()
        given = shapes.AnswerInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        wait = give_answer(
            actor=self.actor,
            wait=asked,
            action=data.get("action", ""),
            values=data.get("values") or {},
        )
        return Response(wait_payload(wait))


@transaction.atomic
def _start(request: Request, pk: UUID, data: dict[str, Any]) -> dict[str, Any]:
    workflow = get_workflow(_workspace(request), _user(request), pk)
    number, actor = data.get("version"), Actor.from_request(request)
    conversation_id = data.get("conversation_id")
    if workflow.kind == WorkflowKind.CHATFLOW or conversation_id:
        permissions.require(actor, "change" if data["draft"] else "run", workflow)
        conversation_id = conversation_for(
            actor=actor,
            workflow=workflow,
            conversation_id=conversation_id,
            external_user=data.get("user", ""),
            query=data.get("query", ""),
        ).pk
    background = data["response"] == "async"
    run = service.start_run(
        actor=actor,
        workflow=workflow,
        inputs=data.get("inputs"),
        version=get_version(workflow, number) if number else None,
        draft=data["draft"],
        mode=RunMode.BACKGROUND if background else RunMode.INTERACTIVE,
        query=data.get("query", ""),
        files=data.get("files") or (),
        conversation_id=conversation_id,
        origin=service.Origin(
            kind=TriggerKind.API if request.auth is not None else TriggerKind.CONSOLE,
            external_user=data.get("user", ""),
            callback_url=data.get("callback_url", ""),
        ),
    )
    return {"run_id": str(run.pk)}


def _try(request: Request, pk: UUID, node_id: str, data: dict[str, Any]) -> WorkflowRun:
    workflow = get_workflow(_workspace(request), _user(request), pk)
    return try_node(
        actor=Actor.from_request(request),
        workflow=workflow,
        node_id=node_id,
        inputs=data.get("inputs") or {},
        values=data.get("values") or {},
    )


async def _answered(request: Request, run_id: UUID, response: str, timeout_s: int | None) -> HttpResponseBase:
    if response != "async":
        calls.begin()
    if response == "streaming":
        first = ("run.created", {"run_id": str(run_id)})
        return follow(run_id, 0, first=first, until=calls.SETTLED)
    if response == "blocking":
        await calls.settled(run_id, min(timeout_s or settings.RUN_WAIT_S, settings.RUN_WAIT_S))
    run = await in_thread(get_run, _workspace(request), _user(request), run_id)
    answered = response == "blocking" and run.is_final
    return Response(run_payload(run), status=200 if answered else 202)


def _last_event(run: WorkflowRun) -> str:
    return {"failed": "run.failed", "stopped": "run.stopped"}.get(run.state, "run.completed")


def _workspace(request: Request) -> Any:
    return request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware


def _user(request: Request) -> Any:
    return request.user
