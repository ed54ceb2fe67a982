"""The platform's resources."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import jobs, permissions
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.api.idempotency import idempotent
from apps.core.api.serializers import (
    ApiKeyInputSerializer,
    ApiKeySerializer,
    AuditEntrySerializer,
    JobSerializer,
    MembershipInputSerializer,
    MembershipRoleSerializer,
    MembershipSerializer,
    MeSerializer,
    NewApiKeySerializer,
    WorkspaceSerializer,
)
from apps.core.api.viewsets import ReadOnlyWorkspaceViewSet, WorkspaceScoped, WorkspaceViewSet
from apps.core.exceptions import NotFound
from apps.core.models import ApiKey, AuditEntry, Job, Membership, User, Workspace
from apps.core.services.api_key import create_api_key, revoke_api_key
from apps.core.services.workspace import add_member, change_role, remove_member, update_workspace


class MeView(WorkspaceScoped[Workspace], APIView):
    """Who am I?"""

    @extend_schema(responses=MeSerializer, summary="The caller, the workspace, the role")
    def get(self, request: Request) -> Response:
        """Tell the caller who they are here."""
        user = request.user
        key = request.auth
        answer = {
            "user": user,
            "workspace": self.workspace,
            "role": permissions.role_in(user, self.workspace) if isinstance(user, User) else None,
            "scopes": key.scopes if isinstance(key, ApiKey) else None,
        }
        return Response(MeSerializer(answer).data)


@extend_schema_view(
    list=extend_schema(summary="Workspaces of the caller"),
    retrieve=extend_schema(summary="One workspace"),
    partial_update=extend_schema(summary="Change name or network policy"),
)
class WorkspacesViewSet(mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet[Workspace]):
    """Workspaces: a key sees its own, a session all that the person belongs to."""

    queryset = Workspace.objects.all()
    serializer_class = WorkspaceSerializer
    http_method_names = ["get", "patch", "head", "options"]

    def get_queryset(self) -> models.QuerySet[Workspace]:
        """Return what the caller may enter."""
        found = Workspace.objects.visible_to(self.request.user)
        return (
            found.filter(pk=self.request.auth.workspace_id)
            if isinstance(self.request.auth, ApiKey)
            else found
        )

    def perform_update(self, serializer: Any) -> None:
        """Call the service."""
        workspace = serializer.instance
        update_workspace(
            actor=Actor.from_request(self.request),
            workspace=workspace,
            name=serializer.validated_data.get("name", workspace.name),
            allow_private_network=serializer.validated_data.get(
                "allow_private_network", workspace.allow_private_network
            ),
        )


@extend_schema_view(
    list=extend_schema(summary="Members of the workspace"),
    retrieve=extend_schema(summary="One member"),
    create=extend_schema(
        summary="Add a member", request=MembershipInputSerializer, responses={201: MembershipSerializer}
    ),
    partial_update=extend_schema(
        summary="Change a role", request=MembershipRoleSerializer, responses=MembershipSerializer
    ),
    destroy=extend_schema(summary="Remove a member"),
)
class MembershipViewSet(WorkspaceViewSet[Membership]):
    """Members."""

    queryset = Membership.objects.select_related("user", "workspace")
    serializer_class = MembershipSerializer

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Adding names a person, changing names a role."""
        if self.action == "create":
            return MembershipInputSerializer(*args, **kwargs)
        kwargs.pop("partial", None)  # there is one field, and it is what the call is about
        return MembershipRoleSerializer(*args, **kwargs)

    def perform_create(self, serializer: Any) -> Any:
        """Call the service."""
        permissions.require_in(self.actor, "add", Membership, self.workspace)
        user = User.objects.filter(email__iexact=serializer.validated_data["email"], is_active=True).first()
        if user is None:
            raise NotFound(_("Nobody here has this address. An administrator creates the account first."))
        role = Role(serializer.validated_data["role"])
        return add_member(actor=self.actor, workspace=self.workspace, user=user, role=role)

    def perform_update(self, serializer: Any) -> Any:
        """Call the service."""
        role = Role(serializer.validated_data["role"])
        return change_role(actor=self.actor, membership=self.get_object(), role=role)

    def perform_destroy(self, instance: Membership) -> None:
        """Call the service."""
        remove_member(actor=self.actor, membership=instance)


@extend_schema_view(
    list=extend_schema(summary="API keys of the workspace"), retrieve=extend_schema(summary="One API key")
)
class ApiKeyViewSet(ReadOnlyWorkspaceViewSet[ApiKey]):
    """API keys; a key is never changed, only revoked."""

    queryset = ApiKey.objects.select_related("workspace")
    serializer_class = ApiKeySerializer

    @extend_schema(
        summary="Create an API key; the answer holds the secret, once",
        request=ApiKeyInputSerializer,
        responses={201: NewApiKeySerializer},
    )
    def create(self, request: Request) -> Response:
        """Create a key for the caller. Not idempotent by header: the answer must not be stored."""
        if isinstance(request.auth, ApiKey):
            raise PermissionDenied(_("An API key cannot create API keys; use the console."))
        serializer = ApiKeyInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key, presented = create_api_key(
            actor=self.actor, workspace=self.workspace, **serializer.validated_data
        )
        return Response({**ApiKeySerializer(key).data, "key": presented}, status=201)

    @extend_schema(summary="Revoke an API key", request=None, responses=ApiKeySerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def revoke(self, request: Request, pk: str) -> Response:
        """End its life at once."""
        return Response(ApiKeySerializer(revoke_api_key(actor=self.actor, key=self.get_object())).data)


@extend_schema_view(
    list=extend_schema(summary="Jobs, newest first"), retrieve=extend_schema(summary="One job")
)
class JobViewSet(ReadOnlyWorkspaceViewSet[Job]):
    """Background jobs."""

    queryset = Job.objects.select_related("workspace")
    serializer_class = JobSerializer
    filterset_fields = ["state", "task", "subject_type", "subject_id"]

    @extend_schema(summary="Ask a job to stop", request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel."""
        return Response(JobSerializer(jobs.cancel(actor=self.actor, job=self.get_object())).data)


@extend_schema_view(
    list=extend_schema(summary="Audit log, newest first"), retrieve=extend_schema(summary="One audit entry")
)
class AuditEntryViewSet(ReadOnlyWorkspaceViewSet[AuditEntry]):
    """Who did what."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filterset_fields = ["action", "object_type", "object_id"]
