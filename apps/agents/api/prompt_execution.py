"""`POST /api/v1/prompts/execute/`: run a prompt as it stands."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.agents.api.async_view import AsyncAPIView
from apps.agents.api.calls import EVENTS, CallAnswerSerializer, call_response
from apps.agents.api.prompts import ResolveQuerySerializer
from apps.agents.selectors import find_prompt_version
from apps.agents.services.model_call import ModelCall
from apps.agents.services.prompt_execution import prepare_prompt
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.core.models.api_key import Scope


class ExecuteSerializer(ResolveQuerySerializer):
    """Which version, by default the one in production, and what goes into it."""

    variables = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=gettext_lazy("Values by name; for a placeholder a list of messages."),
    )
    messages = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField()),
        required=False,
        help_text=gettext_lazy("Said after the prompt's own messages."),
    )
    settings = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=gettext_lazy("Go before the settings of the version."),
    )
    model = serializers.CharField(
        max_length=400,
        required=False,
        allow_blank=True,
        help_text=gettext_lazy("An id, provider/name, or a name."),
    )
    user = serializers.CharField(
        max_length=128,
        required=False,
        allow_blank=True,
        help_text=gettext_lazy("Whom your program speaks for."),
    )
    session_id = serializers.CharField(max_length=200, required=False, allow_blank=True)
    stream = serializers.BooleanField(default=False)


class PromptExecuteView(AsyncAPIView):
    """Run a prompt."""

    required_scopes = {"POST": Scope.CHAT}

    @extend_schema(
        summary="Run a prompt and get the model's answer",
        operation_id="prompts_execute",
        request=ExecuteSerializer,
        responses={(200, "application/json"): CallAnswerSerializer, **EVENTS},
    )
    async def post(self, request: Request) -> HttpResponseBase:
        """Fill a version in, ask its model, and answer with one JSON or with server-sent events."""
        given = ExecuteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        call = await in_thread(_prepared, request, dict(given.validated_data))
        return await call_response(call, streamed=given.validated_data["stream"])


def _prepared(request: Request, data: dict[str, Any]) -> ModelCall:
    data.pop("stream")
    version = find_prompt_version(
        user=request.user,
        workspace=request.workspace,  # type: ignore[attr-defined]  # WorkspaceMiddleware
        name=data.pop("name").replace("\0", ""),
        version=data.pop("version", None),
        label=data.pop("label", "").replace("\0", ""),
    )
    if version is None:
        raise NotFound(_("There is no such prompt, or none with this label or version."))
    return prepare_prompt(
        actor=Actor.from_request(request), version=version, user_id=data.pop("user", ""), **data
    )
