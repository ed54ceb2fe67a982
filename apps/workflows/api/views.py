"""REST endpoints of workflows: parse, call a service, render."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import Invalid, NotFound
from apps.core.numbers import whole_number
from apps.workflows.api import serializers as shapes
from apps.workflows.api.filters import WorkflowFilter
from apps.workflows.models import Workflow, WorkflowVersion
from apps.workflows.selectors import document_diff, export_document, get_version
from apps.workflows.services import workflow as service
from apps.workflows.services.document import missing_secrets, secret_names
from apps.workflows.services.inputs import input_schema

_VERSION_OR_DRAFT = "The number of a version, or draft."


@extend_schema_view(
    list=extend_schema(summary="Workflows, newest first"),
    retrieve=extend_schema(summary="One workflow"),
    create=extend_schema(
        summary="Create a workflow",
        request=shapes.WorkflowInputSerializer,
        responses={201: shapes.WorkflowSerializer},
    ),
    partial_update=extend_schema(
        summary="Change name, description, concurrency or retention",
        request=shapes.WorkflowChangeSerializer,
        responses=shapes.WorkflowSerializer,
    ),
    destroy=extend_schema(summary="Delete a workflow with its versions and runs"),
)
class WorkflowViewSet(WorkspaceViewSet[Workflow]):
    """Workflows of the workspace."""

    queryset = Workflow.objects.select_related("published", "workspace")
    serializer_class = shapes.WorkflowSerializer
    filterset_class = WorkflowFilter

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Creating takes a document, changing does not."""
        kind = shapes.WorkflowInputSerializer if self.action == "create" else shapes.WorkflowChangeSerializer
        kwargs.pop("partial", None)
        return kind(*args, **kwargs)

    def perform_create(self, serializer: Any) -> Workflow:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return service.create_workflow(
            actor=self.actor, workspace=self.workspace, **serializer.validated_data
        )

    def perform_update(self, serializer: Any) -> Workflow:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return service.update_workflow(
            actor=self.actor, workflow=serializer.instance, changes=serializer.validated_data
        )

    def perform_destroy(self, instance: Workflow) -> None:
        """Call the service."""
        service.delete_workflow(actor=self.actor, workflow=instance)

    # -- the draft

    @extend_schema(summary="The draft, with its problems", responses=shapes.DraftSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def draft(self, request: Request, **kwargs: Any) -> Response:
        """The document that is worked on."""
        return self._draft(self.get_object())

    @extend_schema(
        summary="Save the draft", request=shapes.DraftInputSerializer, responses=shapes.DraftSerializer
    )
    @draft.mapping.post
    def save_draft(self, request: Request, **kwargs: Any) -> Response:
        """Replace the draft; 409 `draft_changed` when somebody saved it since `revision`."""
        found = self.get_object()
        given = self._read(shapes.DraftInputSerializer)
        workflow = service.save_draft(
            actor=self.actor,
            workflow=found,
            document=given["document"],
            revision=given.get("revision"),
        )
        return self._draft(workflow)

    @extend_schema(
        summary="Check a document",
        request=shapes.ValidateInputSerializer,
        responses=shapes.ProblemsSerializer,
    )
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, **kwargs: Any) -> Response:
        """All problems at once, each with its place; nothing is saved."""
        workflow = self.get_object()
        given = self._read(shapes.ValidateInputSerializer)
        return Response({"problems": service.problems_of(workflow, given.get("document"))})

    @extend_schema(
        summary="Publish the draft",
        request=shapes.PublishInputSerializer,
        responses={201: shapes.VersionSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def publish(self, request: Request, **kwargs: Any) -> Response:
        """Make the draft the version that runs use; 422 `not_publishable` lists all problems."""
        workflow = self.get_object()
        given = self._read(shapes.PublishInputSerializer)
        version = service.publish(actor=self.actor, workflow=workflow, **given)
        return Response(shapes.VersionSerializer(version).data, status=201)

    # -- versions

    @extend_schema(summary="Versions, newest first", responses=shapes.VersionSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=None)
    def versions(self, request: Request, **kwargs: Any) -> Response:
        """Published versions without their documents."""
        found: Any = self.get_object().versions.defer("document")  # rows of another model than the view's
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(shapes.VersionSerializer(page, many=True).data)

    @extend_schema(
        summary="One version with its document",
        parameters=[OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses=shapes.VersionDetailSerializer,
    )
    @action(detail=True, methods=["get"], url_path=r"versions/(?P<number>[0-9]{1,9})", url_name="version")
    def version(self, request: Request, number: str, **kwargs: Any) -> Response:
        """A version never changes."""
        return Response(shapes.VersionDetailSerializer(get_version(self.get_object(), int(number))).data)

    @extend_schema(
        summary="Make a version the draft again",
        request=shapes.RestoreInputSerializer,
        responses=shapes.DraftSerializer,
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **kwargs: Any) -> Response:
        """The published version stays what it is until the draft is published."""
        workflow = self.get_object()
        given = self._read(shapes.RestoreInputSerializer)
        version = get_version(workflow, given["number"])
        workflow = service.restore_version(
            actor=self.actor, workflow=workflow, version=version, revision=given.get("revision")
        )
        return self._draft(workflow)

    @extend_schema(
        summary="What differs between two versions",
        parameters=[
            OpenApiParameter("from", OpenApiTypes.STR, description=_VERSION_OR_DRAFT),
            OpenApiParameter("to", OpenApiTypes.STR, description=_VERSION_OR_DRAFT),
        ],
        responses=shapes.ChangeSerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def diff(self, request: Request, **kwargs: Any) -> Response:
        """From one to another; by default from the published version to the draft."""
        workflow = self.get_object()
        old = _document(workflow, request.query_params.get("from"), "published")
        new = _document(workflow, request.query_params.get("to"), "draft")
        changes = document_diff(old, new)
        return Response([change.as_dict() for change in changes])

    # -- files

    @extend_schema(
        summary="The workflow as a file",
        parameters=[
            OpenApiParameter("version", OpenApiTypes.STR, description=_VERSION_OR_DRAFT),
            OpenApiParameter("file_format", OpenApiTypes.STR, enum=["yaml", "json"]),
        ],
        responses={
            (200, "application/yaml"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT),
        },
    )
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def export(self, request: Request, **kwargs: Any) -> HttpResponse:
        """YAML or JSON; secrets are never in it."""
        workflow = self.get_object()
        file_format = request.query_params.get("file_format", "yaml")
        if file_format not in {"yaml", "json"}:
            raise Invalid("file_format is yaml or json.")
        document = _document(workflow, request.query_params.get("version"), "draft")
        text, name = export_document(workflow, document, file_format)
        response = HttpResponse(text, content_type=f"application/{file_format}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @extend_schema(
        summary="Create a workflow from a file",
        request=shapes.ImportInputSerializer,
        responses={201: shapes.WorkflowSerializer},
    )
    @action(detail=False, methods=["post"], url_path="import", url_name="import")
    @idempotent
    def import_file(self, request: Request, **kwargs: Any) -> Response:
        """From YAML or JSON text, or an object; 422 `document_invalid` lists all problems."""
        given = self._read(shapes.ImportInputSerializer)
        workflow = service.import_document(
            actor=self.actor,
            workspace=self.workspace,
            content=given["document"],
            name=given.get("name", ""),
        )
        return self.render(workflow, status=201)

    # -- the rest

    @extend_schema(
        summary="Copy the draft into a new workflow",
        request=shapes.NameInputSerializer,
        responses={201: shapes.WorkflowSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def duplicate(self, request: Request, **kwargs: Any) -> Response:
        """Versions, runs, triggers and secrets stay behind."""
        workflow = self.get_object()
        given = self._read(shapes.NameInputSerializer)
        copy = service.duplicate_workflow(actor=self.actor, workflow=workflow, name=given.get("name", ""))
        return self.render(copy, status=201)

    @extend_schema(summary="Take out of use", request=None, responses=shapes.WorkflowSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, **kwargs: Any) -> Response:
        """Archived workflows neither run nor fire."""
        return self.render(service.archive_workflow(actor=self.actor, workflow=self.get_object()))

    @extend_schema(summary="Bring back into use", request=None, responses=shapes.WorkflowSerializer)
    @action(detail=True, methods=["post"])
    def unarchive(self, request: Request, **kwargs: Any) -> Response:
        """Undo `archive`."""
        return self.render(
            service.archive_workflow(actor=self.actor, workflow=self.get_object(), archived=False)
        )

    @extend_schema(summary="Names of secret variables", responses=shapes.SecretsSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def secrets(self, request: Request, **kwargs: Any) -> Response:
        """Which the draft declares, and which of them nobody has entered. Values are never given out."""
        return self._secrets(self.get_object())

    @extend_schema(
        summary="Enter secret variables",
        request=shapes.SecretsInputSerializer,
        responses=shapes.SecretsSerializer,
    )
    @secrets.mapping.post
    def set_secrets(self, request: Request, **kwargs: Any) -> Response:
        """Set values by name; null deletes one."""
        workflow = self.get_object()
        given = self._read(shapes.SecretsInputSerializer)
        return self._secrets(service.set_secrets(actor=self.actor, workflow=workflow, values=given["values"]))

    @extend_schema(
        summary="JSON schema of the inputs",
        parameters=[OpenApiParameter("version", OpenApiTypes.STR, description=_VERSION_OR_DRAFT)],
        responses={200: OpenApiTypes.OBJECT},
    )
    @action(
        detail=True, methods=["get"], url_path="input-schema", url_name="input-schema",
        pagination_class=None, filterset_class=None,
    )  # fmt: skip
    def inputs(self, request: Request, **kwargs: Any) -> Response:
        """What a run has to be given."""
        workflow = self.get_object()
        default = "published" if workflow.published_id else "draft"
        return Response(input_schema(_document(workflow, request.query_params.get("version"), default)))

    def _read(self, kind: Any) -> dict[str, Any]:
        given = kind(data=self.request.data)
        given.is_valid(raise_exception=True)
        read: dict[str, Any] = given.validated_data
        return read

    def _draft(self, workflow: Workflow) -> Response:
        return Response(
            {
                "revision": workflow.draft_revision,
                "document": workflow.draft,
                "problems": service.problems_of(workflow),
                "missing_secrets": missing_secrets(workflow, workflow.draft),
            }
        )

    def _secrets(self, workflow: Workflow) -> Response:
        return Response(
            {
                "declared": secret_names(workflow.draft),
                "missing": missing_secrets(workflow, workflow.draft),
            }
        )


def _document(workflow: Workflow, named: str | None, default: str) -> dict[str, Any]:
    """The draft, the published version, or a version by its number."""
    name = named or default
    if name == "draft":
        draft: dict[str, Any] = workflow.draft
        return draft
    if name == "published":
        if workflow.published is None:
            raise NotFound("The workflow is not published.")
        return _plain(workflow.published)
    if (number := whole_number(name)) is None:
        raise Invalid("A version is a number, or draft.")
    return _plain(get_version(workflow, number))


def _plain(version: WorkflowVersion) -> dict[str, Any]:
    document: dict[str, Any] = version.document
    return document
