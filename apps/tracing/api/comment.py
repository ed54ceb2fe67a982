"""Comments on traces, observations and sessions."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import permissions
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped
from apps.tracing.models import Comment
from apps.tracing.services.comment import MAX_TEXT, add_comment, delete_comment, edit_comment


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A comment."""

    author_name = serializers.SerializerMethodField(help_text="Who wrote it, as people are named.")

    class Meta:
        model = Comment
        fields = [
            "id",
            "trace_id",
            "observation_id",
            "session_id",
            "text",
            "author",
            "author_name",
            "created_at",
            "edited_at",
        ]
        read_only_fields = fields

    def get_author_name(self, comment: Comment) -> str:
        """The person's name, or what they signed with."""
        return str(comment.author) if comment.author else comment.author_label


class CommentTextSerializer(serializers.Serializer[Comment]):
    """What can be changed of a comment."""

    text = serializers.CharField(max_length=MAX_TEXT)


class CommentInputSerializer(CommentTextSerializer):
    """A comment as clients send it: on a trace, on an observation of it, or on a session."""

    trace_id = serializers.RegexField(r"^[0-9a-f]{32}$", required=False, default="")
    observation_id = serializers.RegexField(r"^[0-9a-f]{16}$", required=False, default="", allow_blank=True)
    session_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class CommentFilterSet(filters.FilterSet):  # type: ignore[misc]  # django-filter carries no types
    """Filters of the comment list."""

    trace_id = filters.CharFilter()
    observation_id = filters.CharFilter()
    session_id = filters.CharFilter()

    class Meta:
        model = Comment
        fields: list[str] = []


class CommentViewSet(
    WorkspaceScoped[Comment],
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Comment],
):
    """Comments on traces, observations and sessions."""

    queryset = Comment.objects.select_related("author")
    serializer_class = CommentSerializer
    filterset_class = CommentFilterSet

    @extend_schema(request=CommentInputSerializer, responses={201: CommentSerializer})
    @idempotent
    def create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Write a comment."""
        permissions.require_in(self.actor, "add", Comment, self.workspace)
        serializer = CommentInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        comment = add_comment(actor=self.actor, workspace=self.workspace, **serializer.validated_data)
        return Response(CommentSerializer(comment).data, status=201)

    @extend_schema(request=CommentTextSerializer, responses=CommentSerializer)
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Change the text of a comment of one's own."""
        comment = self.get_object()
        permissions.require(self.actor, "change", comment)
        serializer = CommentTextSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        comment = edit_comment(actor=self.actor, comment=comment, text=serializer.validated_data["text"])
        return Response(CommentSerializer(comment).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Delete a comment."""
        delete_comment(actor=self.actor, comment=self.get_object())
        return Response(status=204)
