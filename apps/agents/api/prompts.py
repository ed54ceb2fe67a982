"""REST endpoints of prompts, with their shapes."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import django_filters
import orjson
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents.models import Prompt, PromptType, PromptVersion
from apps.agents.models.prompt import NEWEST
from apps.agents.querysets import PromptQuerySet
from apps.agents.resolution import resolve_content
from apps.agents.selectors import find_prompt_version, labels_of
from apps.agents.services.prompt import (
    add_prompt_version,
    delete_prompt,
    remove_label,
    set_labels,
    set_tags,
)
from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceScoped
from apps.core.exceptions import Invalid, NotFound
from apps.core.numbers import whole_number

_IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The prompt's ETag as last read."
)


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    """A prompt with its labels."""

    labels = serializers.SerializerMethodField(help_text="Label → number of the version it points at.")
    newest_version = serializers.IntegerField(source="newest")

    class Meta:
        model = Prompt
        fields = [
            "id",
            "name",
            "type",
            "tags",
            "newest_version",
            "labels",
            "revision",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_labels(self, prompt: Prompt) -> dict[str, int]:
        """`latest` is the newest version by itself."""
        pointed = {label.name: label.version.number for label in prompt.labels.all()}
        return {**pointed, NEWEST: prompt.newest}


class PromptVersionSerializer(serializers.ModelSerializer[PromptVersion]):
    """A version; `content` is a text, or a list of messages and placeholders."""

    version = serializers.IntegerField(source="number")

    class Meta:
        model = PromptVersion
        fields = ["version", "content", "variables", "config", "commit_message", "author", "created_at"]
        read_only_fields = fields


class PromptInputSerializer(serializers.Serializer[Any]):
    """A new version, and the name it belongs to."""

    name = serializers.CharField(max_length=200)
    type = serializers.ChoiceField(choices=PromptType.choices, default=PromptType.TEXT)
    content = serializers.JSONField(help_text="A text, or a list of messages and placeholders.")
    config = serializers.JSONField(required=False, allow_null=True)
    labels = serializers.ListField(child=serializers.CharField(max_length=36), required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    commit_message = serializers.CharField(max_length=500, required=False, allow_blank=True)


class PromptTagsSerializer(serializers.Serializer[Any]):
    """What of a prompt itself can be changed."""

    tags = serializers.ListField(child=serializers.CharField(max_length=100))


class PromptLabelInputSerializer(serializers.Serializer[Any]):
    """Where a label points."""

    version = serializers.IntegerField(min_value=1)


class ResolveQuerySerializer(serializers.Serializer[Any]):
    """Which version is wanted; by default the one in production."""

    name = serializers.CharField(max_length=200)
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    label = serializers.CharField(required=False, max_length=36)  # type: ignore[assignment]  # a parameter, no caption


class ResolvedPromptSerializer(PromptVersionSerializer):
    """A version ready for use: the prompts it includes are put in."""

    prompt_id = serializers.UUIDField()
    name = serializers.CharField(source="prompt.name")
    type = serializers.CharField(source="prompt.type")
    tags = serializers.ListField(source="prompt.tags", child=serializers.CharField())
    content = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()

    class Meta(PromptVersionSerializer.Meta):
        fields = ["prompt_id", "name", "type", *PromptVersionSerializer.Meta.fields, "labels", "tags"]
        read_only_fields = fields

    def get_content(self, version: PromptVersion) -> OpenApiTypes.ANY:  # type: ignore[valid-type]  # for the schema
        """Included prompts put in."""
        return resolve_content(version)

    def get_labels(self, version: PromptVersion) -> list[str]:
        """Those that point at this version."""
        return labels_of(version)


class PromptFilter(django_filters.FilterSet):  # type: ignore[misc]  # the package carries no types
    """By type, label, tag and folder."""

    type = django_filters.ChoiceFilter(choices=PromptType.choices)
    label = django_filters.CharFilter(field_name="labels__name")
    tag = django_filters.CharFilter(field_name="tags", lookup_expr="contains", method="by_tag")
    folder = django_filters.CharFilter(method="by_folder")

    class Meta:
        model = Prompt
        fields = ["type", "label", "tag", "folder"]

    def by_tag(self, queryset: PromptQuerySet, name: str, value: str) -> PromptQuerySet:
        """Keep prompts with the tag."""
        return queryset.filter(tags__contains=[value])

    def by_folder(self, queryset: PromptQuerySet, name: str, value: str) -> PromptQuerySet:
        """Keep prompts in the folder."""
        return queryset.in_folder(value)


@extend_schema_view(list=extend_schema(summary="List prompts"))
class PromptViewSet(WorkspaceScoped[Prompt], mixins.ListModelMixin, viewsets.GenericViewSet[Prompt]):
    """Prompts of the workspace."""

    queryset = Prompt.objects.with_labels()
    serializer_class = PromptSerializer
    filterset_class = PromptFilter

    @extend_schema(
        summary="Add a version to a prompt, which is made when there is none of the name",
        request=PromptInputSerializer,
        responses={201: ResolvedPromptSerializer},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Labels given along move to the new version."""
        serializer = PromptInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = add_prompt_version(actor=self.actor, workspace=self.workspace, **serializer.validated_data)
        return Response(ResolvedPromptSerializer(version).data, status=201)

    @extend_schema(summary="Read a prompt", responses=PromptSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """The ETag changes with every version, label and tag."""
        return self._prompt(self.get_object())

    @extend_schema(summary="Change the tags", request=PromptTagsSerializer, responses=PromptSerializer)
    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Versions never change; add one instead."""
        prompt = self.get_object()
        serializer = PromptTagsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._prompt(set_tags(actor=self.actor, prompt=prompt, **serializer.validated_data))

    @extend_schema(summary="Delete a prompt with all versions", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Programs that ask for it get a 404 from now on."""
        delete_prompt(actor=self.actor, prompt=self.get_object())
        return Response(status=204)

    def _prompt(self, prompt: Prompt) -> Response:
        return tagged(self.request, PromptSerializer(prompt).data, f'"{prompt.revision}"')


class _OfPrompt(WorkspaceScoped[Any]):
    """Views below one prompt."""

    def prompt(self, prompt_id: UUID) -> Prompt:
        """The prompt of the address, or a 404."""
        prompts = Prompt.objects.in_workspace(self.workspace).visible_to(self.request.user).with_labels()
        prompt = prompts.filter(pk=prompt_id).first()
        if prompt is None:
            raise NotFound
        return prompt

    def version(self, prompt: Prompt, number: int) -> PromptVersion:
        """One of its versions, or a 404."""
        found = PromptVersion.objects.filter(prompt=prompt, number=number).select_related("prompt").first()
        if found is None:
            raise NotFound(_("The prompt has no such version."))
        return found


class NumberPagination(CursorPagination):
    """Newest version first."""

    ordering = "-number"
    page_size = 50


class PromptVersionsView(_OfPrompt, viewsets.GenericViewSet[PromptVersion]):
    """Versions of one prompt."""

    queryset = PromptVersion.objects.all()
    serializer_class = PromptVersionSerializer
    pagination_class = NumberPagination

    @extend_schema(summary="List versions", operation_id="prompts_versions_list")
    def list(self, request: Request, prompt_id: UUID) -> Response:
        """Newest first."""
        page = self.paginate_queryset(PromptVersion.objects.filter(prompt=self.prompt(prompt_id)))
        return self.get_paginated_response(PromptVersionSerializer(page, many=True).data)

    @extend_schema(summary="Read a version", operation_id="prompts_versions_retrieve")
    def retrieve(self, request: Request, prompt_id: UUID, number: int) -> Response:
        """As it was written: what it includes is not put in."""
        return Response(PromptVersionSerializer(self.version(self.prompt(prompt_id), number)).data)


class PromptLabelView(_OfPrompt, APIView):
    """One label of a prompt."""

    @extend_schema(
        summary="Let a label point at a version",
        parameters=[_IF_MATCH],
        request=PromptLabelInputSerializer,
        responses=PromptSerializer,
    )
    def put(self, request: Request, prompt_id: UUID, label: str) -> Response:
        """With If-Match the label moves only when nobody changed the prompt meanwhile (else 412)."""
        prompt = self.prompt(prompt_id)
        serializer = PromptLabelInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if label == NEWEST:
            raise Invalid(_("“latest” is always the newest version."))
        set_labels(
            actor=self.actor,
            version=self.version(prompt, serializer.validated_data["version"]),
            labels=[label],
            revision=_revision(request),
        )
        return Response(PromptSerializer(self.prompt(prompt_id)).data)

    @extend_schema(summary="Remove a label", responses={204: None})
    def delete(self, request: Request, prompt_id: UUID, label: str) -> Response:
        """No version has it any more."""
        remove_label(actor=self.actor, prompt=self.prompt(prompt_id), label=label)
        return Response(status=204)


class PromptResolveView(WorkspaceScoped[Prompt], APIView):
    """The prompt for use."""

    @extend_schema(
        summary="Get a prompt by name, ready for use",
        operation_id="prompts_resolve",
        parameters=[ResolveQuerySerializer],
        responses=ResolvedPromptSerializer,
    )
    def get(self, request: Request) -> Response:
        """By label or version, by default `production`. Answers If-None-Match with 304 while nothing changed."""
        query = ResolveQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        version = find_prompt_version(user=request.user, workspace=self.workspace, **query.validated_data)
        if version is None:
            raise NotFound(_("There is no such prompt, or none with this label or version."))
        data = ResolvedPromptSerializer(version).data
        digest = hashlib.sha256(orjson.dumps(data, default=str)).hexdigest()[:32]
        return tagged(request, data, f'"{digest}"')


def tagged(request: Request, data: Any, etag: str) -> Response:
    """The answer with its ETag; without a body when the caller has it already."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    same = request.method == "GET" and etag in known
    return Response(None if same else data, status=304 if same else 200, headers={"ETag": etag})


def _revision(request: Request) -> int | None:
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return None
    number = whole_number(given.strip('"'))
    # an ETag that was never given out names a state that is not the present one
    return -1 if number is None else number
