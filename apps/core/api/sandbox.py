"""Running code by API, and what it may use."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from asgiref.sync import async_to_sync
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import permissions
from apps.core.api.viewsets import WorkspaceScoped
from apps.core.models import SandboxPolicy
from apps.core.models.sandbox_policy import POLICY_FIELDS
from apps.core.sandbox import run_code_sync, sandbox_state
from apps.core.sandbox.errors import SandboxError
from apps.core.sandbox.service import LANGUAGES, MAX_CODE_CHARS
from apps.core.services.sandbox_policy import change_sandbox_policy

MAX_TIMEOUT_S = 300


class RunInputSerializer(serializers.Serializer[Any]):
    """A piece of code and what to call it with."""

    language = serializers.ChoiceField(choices=LANGUAGES)
    code = serializers.CharField(max_length=MAX_CODE_CHARS, trim_whitespace=False)
    inputs = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False, default=dict)
    outputs = serializers.DictField(
        child=serializers.CharField(max_length=100),
        required=False,
        default=None,
        allow_null=True,
        help_text=_(
            "Names and types of the result: string, number, integer, boolean, object, array[…], any."
        ),
    )
    timeout_s = serializers.FloatField(
        required=False, default=None, allow_null=True, min_value=0.05, max_value=MAX_TIMEOUT_S
    )


class RunResultSerializer(serializers.Serializer[Any]):
    """What the code returned, printed and used."""

    value = serializers.JSONField()
    stdout = serializers.CharField()
    stderr = serializers.CharField()
    cpu_ms = serializers.FloatField()
    wall_ms = serializers.FloatField()
    max_rss_kb = serializers.IntegerField()


class PolicySerializer(serializers.ModelSerializer[SandboxPolicy]):
    """What the code of the workspace may use."""

    class Meta:
        model = SandboxPolicy
        fields = list(POLICY_FIELDS)


class LayerSerializer(serializers.Serializer[Any]):
    """One layer of the confinement."""

    name = serializers.CharField()
    on = serializers.BooleanField()
    why = serializers.CharField()


class StateSerializer(serializers.Serializer[Any]):
    """How the sandbox is, and the workspace's policy."""

    running = serializers.BooleanField()
    reason = serializers.CharField(help_text=_("Why it does not run."))
    layers = LayerSerializer(many=True)
    minimum = serializers.ListField(child=serializers.CharField())
    packages = serializers.ListField(child=serializers.CharField())
    policy = PolicySerializer()


class SandboxRunView(WorkspaceScoped[SandboxPolicy], APIView):
    """Run a piece of code."""

    @extend_schema(
        summary="Run a piece of Python or JavaScript",
        request=RunInputSerializer,
        responses={
            200: RunResultSerializer,
            422: OpenApiResponse(
                description="The code failed or exceeded a limit: `code`, `line`, `traceback`."
            ),
            503: OpenApiResponse(description="No sandbox, or too busy; `retryable` is true."),
        },
    )
    def post(self, request: Request) -> Response:
        """Editors may; what the code does is its own, so this is not idempotent by header."""
        permissions.require_in(self.actor, "run", SandboxPolicy, self.workspace)
        serializer = RunInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            result = run_code_sync(workspace_id=self.workspace.pk, **serializer.validated_data)
        except SandboxError as error:
            error.extra.update(told(error))
            raise
        return Response(RunResultSerializer(asdict(result)).data)


class SandboxView(WorkspaceScoped[SandboxPolicy], APIView):
    """The sandbox itself."""

    @extend_schema(summary="How the sandbox is, and what code may use", responses=StateSerializer)
    def get(self, request: Request) -> Response:
        """Everybody in the workspace may know."""
        permissions.require_in(self.actor, "view", SandboxPolicy, self.workspace)
        state = async_to_sync(sandbox_state)()
        return Response(StateSerializer({"packages": [], **state, "policy": self._policy()}).data)

    @extend_schema(summary="Change what code may use", request=PolicySerializer, responses=PolicySerializer)
    def patch(self, request: Request) -> Response:
        """Administrators of the workspace may."""
        permissions.require_in(self.actor, "change", SandboxPolicy, self.workspace)
        serializer = PolicySerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        policy = change_sandbox_policy(
            actor=self.actor, workspace=self.workspace, **serializer.validated_data
        )
        return Response(PolicySerializer(policy).data)

    def _policy(self) -> SandboxPolicy:
        return SandboxPolicy.objects.in_workspace(self.workspace).first() or SandboxPolicy()


def told(error: SandboxError) -> dict[str, Any]:
    """What a problem document says about code beyond its sentence."""
    return {
        "retryable": error.retryable,
        "line": error.line,
        "traceback": error.traceback,
        "stdout": error.stdout,
        "stderr": error.stderr,
    }
