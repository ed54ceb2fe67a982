"""Endpoints of tracing."""

from dataclasses import fields
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped
from apps.core.models.api_key import Scope
from apps.tracing import links, openers, payloads, selectors
from apps.tracing.api import serializers
from apps.tracing.api.base import SPAN_ID, TRACE_ID, TraceAPIView
from apps.tracing.api.filters import ScoreFilterSet
from apps.tracing.api.payload import turns_of
from apps.tracing.links import Link
from apps.tracing.models import Observation, Score
from apps.tracing.services.score import delete_score, record_score
from apps.tracing.services.trace import delete_trace

_FILTERS = frozenset(field.name for field in fields(selectors.TraceFilter))


class TraceListView(TraceAPIView):
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


class TraceView(TraceAPIView):
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


class ObservationView(TraceAPIView):
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
        observation = self.find_observation(trace_id, span_id)
        scores = selectors.scores_of(self.workspace, [trace_id], steps=True).get(trace_id, [])
        payload = selectors.read_payload(observation, limit=query.validated_data["limit"] or None)
        body: dict[str, Any] = {
            "observation": observation,
            "payload": payload,
            "scores": [score for score in scores if score.observation_id == span_id],
        }
        if query.validated_data["turns"]:
            body["turns"] = {side: turns_of(payload, side) for side in payloads.SIDES}
        if query.validated_data["links"]:
            body["links"] = links_of(Actor.from_request(request), observation)
        return Response(serializers.ObservationPageSerializer(body).data)


def links_of(actor: Actor, observation: Observation) -> list[Link]:
    """What the observation is a step of, and where else it can be opened."""
    source = (
        links.resolve(observation.source_type, observation.source_id) if observation.source_type else None
    )
    return [*([source] if source else []), *openers.offered(actor, observation)]


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
    # applications that send traces send what their users think of them, too
    required_scopes: ClassVar = {"POST": Scope.INGEST}

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
