"""Endpoints of tracing."""

from dataclasses import fields
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped
from apps.core.exceptions import NotFound
from apps.core.models import Workspace
from apps.tracing import selectors
from apps.tracing.api import serializers
from apps.tracing.api.filters import ScoreFilterSet
from apps.tracing.models import Score, Trace
from apps.tracing.services.score import delete_score, record_score
from apps.tracing.services.trace import delete_trace

TRACE_ID = OpenApiParameter("trace_id", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[0-9a-f]{32}$")
SPAN_ID = OpenApiParameter("span_id", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[0-9a-f]{16}$")
_FILTERS = frozenset(field.name for field in fields(selectors.TraceFilter))


class _TraceView(APIView):
    """A view on traces of the caller's workspace."""

    @property
    def workspace(self) -> Workspace:
        """The workspace of the call."""
        workspace: Workspace = self.request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        return workspace

    def find_trace(self, trace_id: str) -> Trace:
        """The trace, or a 404."""
        trace = selectors.find_trace(user=self.request.user, workspace=self.workspace, trace_id=trace_id)
        if trace is None:
            raise NotFound
        return trace


class TraceListView(_TraceView):
    """Traces, newest first."""

    @extend_schema(
        operation_id="traces_list",
        parameters=[serializers.TraceQuerySerializer],
        responses=serializers.TracePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List traces of a time range, by default the last seven days."""
        query = serializers.TraceQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        values: dict[str, Any] = query.validated_data
        page = selectors.list_traces(
            user=request.user,
            workspace=self.workspace,
            filters=selectors.TraceFilter(**{name: values[name] for name in values if name in _FILTERS}),
            cursor=values.get("cursor", ""),
            size=values["page_size"],
        )
        body = {"results": page.traces, "newer": page.newer, "older": page.older}
        return Response(serializers.TracePageSerializer(body).data)


class TraceView(_TraceView):
    """One trace."""

    @extend_schema(
        operation_id="traces_retrieve", parameters=[TRACE_ID], responses=serializers.TraceDetailSerializer
    )
    def get(self, request: Request, trace_id: str) -> Response:
        """The trace with its first 5,000 observations (without input and output) and its scores."""
        trace = self.find_trace(trace_id)
        trace.observations = selectors.list_observations(trace)  # type: ignore[attr-defined]  # for the serializer
        trace.scores = selectors.scores_of(self.workspace, [trace_id], steps=True).get(trace_id, [])  # type: ignore[attr-defined]  # same
        return Response(serializers.TraceDetailSerializer(trace).data)

    @extend_schema(operation_id="traces_destroy", parameters=[TRACE_ID], responses={204: None})
    def delete(self, request: Request, trace_id: str) -> Response:
        """Delete the trace with everything it holds."""
        delete_trace(actor=Actor.from_request(request), trace=self.find_trace(trace_id))
        return Response(status=204)


class ObservationView(_TraceView):
    """One observation of a trace."""

    @extend_schema(
        operation_id="observations_retrieve",
        parameters=[TRACE_ID, SPAN_ID, serializers.PayloadQuerySerializer],
        responses=serializers.ObservationPageSerializer,
    )
    def get(self, request: Request, trace_id: str, span_id: str) -> Response:
        """The observation with input, output and scores."""
        query = serializers.PayloadQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        observation = selectors.find_observation(self.find_trace(trace_id), span_id)
        if observation is None:
            raise NotFound
        scores = selectors.scores_of(self.workspace, [trace_id], steps=True).get(trace_id, [])
        body = {
            "observation": observation,
            "payload": selectors.read_payload(observation, limit=query.validated_data["limit"] or None),
            "scores": [score for score in scores if score.observation_id == span_id],
        }
        return Response(serializers.ObservationPageSerializer(body).data)


class ScoreViewSet(
    WorkspaceScoped[Score],
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Score],
):
    """Scores on traces, observations and sessions."""

    queryset = Score.objects.select_related("author")
    serializer_class = serializers.ScoreSerializer
    filterset_class = ScoreFilterSet

    @extend_schema(request=serializers.ScoreInputSerializer, responses={201: serializers.ScoreSerializer})
    @idempotent
    def create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Score something; the same author scoring it again under the same name replaces the value."""
        permissions.require_in(self.actor, "feedback", Score, self.workspace)
        serializer = serializers.ScoreInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        score = record_score(actor=self.actor, workspace=self.workspace, **serializer.validated_data)
        return Response(serializers.ScoreSerializer(score).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Delete a score."""
        delete_score(actor=self.actor, score=self.get_object())
        return Response(status=204)
