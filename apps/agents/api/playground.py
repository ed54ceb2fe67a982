"""REST endpoints of the playground."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.api.async_view import AsyncAPIView
from apps.agents.api.calls import EVENTS, CallAnswerSerializer, call_response
from apps.agents.models import PlaygroundSession
from apps.agents.services.model_call import ModelCall
from apps.agents.services.playground import create_session, delete_session, prepare_run, update_session
from apps.agents.threads import in_thread
from apps.core import permissions
from apps.core.actors import Actor
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.models.api_key import Scope


class PromptReferenceSerializer(serializers.Serializer[Any]):
    """A version of a prompt."""

    name = serializers.CharField(max_length=200)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class PlaygroundRunSerializer(serializers.Serializer[Any]):
    """One column of the playground."""

    messages = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True)),
        help_text=_("Messages and placeholders, with {{variables}} in their texts."),
    )
    variables = serializers.DictField(child=serializers.JSONField(), required=False)
    placeholders = serializers.DictField(
        child=serializers.ListField(
            child=serializers.DictField(child=serializers.JSONField(allow_null=True))
        ),
        required=False,
        help_text=_("Lists of messages by the placeholder's name."),
    )
    settings = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text=_("Parameters, tools, tool_choice and response_format."),
    )
    model = serializers.CharField(
        max_length=400, required=False, allow_blank=True, help_text=_("An id, provider/name, or a name.")
    )
    prompt = PromptReferenceSerializer(required=False, allow_null=True)
    session = serializers.UUIDField(required=False, allow_null=True)
    stream = serializers.BooleanField(default=False)


class PlaygroundRunView(AsyncAPIView):
    """Try messages on a model."""

    required_scopes = {"POST": Scope.CHAT}

    @extend_schema(
        summary="Try messages on a model",
        operation_id="playground_run",
        request=PlaygroundRunSerializer,
        responses={(200, "application/json"): CallAnswerSerializer, **EVENTS},
    )
    async def post(self, request: Request) -> HttpResponseBase:
        """Fill the messages in, ask the model, and answer with one JSON or with server-sent events."""
        await in_thread(_check_access, request)
        given = PlaygroundRunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        call = await in_thread(_prepared, request, dict(given.validated_data))
        return await call_response(call, streamed=given.validated_data["stream"])


def _check_access(request: Request) -> None:
    workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    permissions.require_in(Actor.from_request(request), "add", PlaygroundSession, workspace)


def _prepared(request: Request, data: dict[str, Any]) -> ModelCall:
    data.pop("stream")
    workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return prepare_run(actor=Actor.from_request(request), workspace=workspace, **data)


class PlaygroundSessionSerializer(serializers.ModelSerializer[PlaygroundSession]):
    """A session as read."""

    class Meta:
        model = PlaygroundSession
        fields = ["id", "name", "state", "created_at", "updated_at"]
        read_only_fields = fields


class PlaygroundSessionInputSerializer(serializers.Serializer[PlaygroundSession]):
    """A session as written."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    state = serializers.DictField(child=serializers.JSONField(allow_null=True))


class LastUsedPagination(CursorPagination):
    """The one used last first."""

    ordering = "-updated_at"
    page_size = 50


class PlaygroundSessionViewSet(WorkspaceViewSet[PlaygroundSession]):
    """The caller's sessions of the playground."""

    queryset = PlaygroundSession.objects.all()
    serializer_class = PlaygroundSessionSerializer
    input_serializer_class = PlaygroundSessionInputSerializer
    pagination_class = LastUsedPagination

    def get_queryset(self) -> Any:
        """Only one's own."""
        found = super().get_queryset()
        return (
            found.none()
            if getattr(self, "swagger_fake_view", False)
            else found.filter(user=self.request.user)
        )

    @extend_schema(request=PlaygroundSessionInputSerializer, responses={201: PlaygroundSessionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a session."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=PlaygroundSessionInputSerializer, responses=PlaygroundSessionSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change name or state."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> PlaygroundSession:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return create_session(actor=self.actor, workspace=self.workspace, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> PlaygroundSession:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return update_session(actor=self.actor, session=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: PlaygroundSession) -> None:
        """Call the service."""
        delete_session(actor=self.actor, session=instance)
