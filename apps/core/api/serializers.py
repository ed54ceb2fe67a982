"""Shapes of the platform's resources."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.access import Role
from apps.core.models import ApiKey, AuditEntry, Job, Membership, User, Workspace
from apps.core.models.api_key import Scope


class UserSerializer(serializers.ModelSerializer[User]):
    """The caller."""

    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "language"]


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    """A workspace."""

    class Meta:
        model = Workspace
        fields = ["id", "name", "slug", "allow_private_network", "created_at", "updated_at"]
        read_only_fields = ["slug"]


class MeSerializer(serializers.Serializer[Any]):
    """Who calls, where, and with which role."""

    user = UserSerializer()
    workspace = WorkspaceSerializer()
    role = serializers.ChoiceField(choices=Role.choices, allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """A member of the workspace."""

    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.first_name", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "name", "role", "created_at"]


class MembershipInputSerializer(serializers.Serializer[Any]):
    """Invite a person who has an account."""

    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)


class MembershipRoleSerializer(serializers.Serializer[Any]):
    """Change a role."""

    role = serializers.ChoiceField(choices=Role.choices)


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key without its secret."""

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "user",
            "scopes",
            "rate_limit_per_minute",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "created_at",
        ]


class ApiKeyInputSerializer(serializers.Serializer[Any]):
    """A new key."""

    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), min_length=1)
    rate_limit_per_minute = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class NewApiKeySerializer(ApiKeySerializer):
    """A new key with its secret: the only answer that ever holds it."""

    key = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job."""

    percent = serializers.IntegerField(read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "task",
            "title",
            "queue",
            "state",
            "done",
            "total",
            "percent",
            "message",
            "error",
            "attempts",
            "cancel_requested",
            "subject_type",
            "subject_id",
            "created_at",
            "started_at",
            "finished_at",
        ]


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """An entry of the audit log."""

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "actor_label",
            "action",
            "object_type",
            "object_id",
            "object_label",
            "changes",
            "ip",
            "created_at",
        ]
