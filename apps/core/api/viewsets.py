"""The base of every resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import models
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actors import Actor
from apps.core.api.idempotency import idempotent
from apps.core.models import Workspace
from apps.core.querysets import WorkspaceQuerySet

M = TypeVar("M", bound=models.Model)

if TYPE_CHECKING:

    class _ModelViewSet(viewsets.ModelViewSet[M], Generic[M]):
        """DRF's viewsets are generic in the type stubs only."""

    class _ReadOnlyModelViewSet(viewsets.ReadOnlyModelViewSet[M], Generic[M]):
        """As above."""
else:

    class _ModelViewSet(viewsets.ModelViewSet, Generic[M]):
        """DRF's viewset, subscriptable as in the type stubs."""

    class _ReadOnlyModelViewSet(viewsets.ReadOnlyModelViewSet, Generic[M]):
        """As above."""


ACTION_OF_METHOD = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


class WorkspaceScoped(Generic[M]):
    """Mixin of views on a model: only rows of the caller's workspace that they may act upon exist for them."""

    queryset: Any
    request: Any  # the views it is mixed into disagree about the type

    @property
    def workspace(self) -> Workspace:
        """The workspace of the call."""
        workspace: Workspace = self.request.workspace
        return workspace

    @property
    def actor(self) -> Actor:
        """The caller."""
        return Actor.from_request(self.request)

    def get_queryset(self) -> models.QuerySet[M]:
        """Return what the caller may see; whether they may also do the action is said by the service (403)."""
        queryset: WorkspaceQuerySet[M] = self.queryset.all()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.in_workspace(self.workspace).visible_to(self.request.user, "view")


class WorkspaceViewSet(WorkspaceScoped[M], _ModelViewSet[M]):
    """CRUD on a `WorkspaceModel`.

    Set `queryset`, `serializer_class` (output) and, where it differs, `input_serializer_class`; override
    `perform_create`, `perform_update` and `perform_destroy` to call services. The first two return the object, which
    is rendered with the output serializer.
    """

    input_serializer_class: type[Any] | None = None
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return the serializer that parses a body."""
        kind = self.input_serializer_class or self.get_serializer_class()
        return kind(*args, **kwargs, context=self.get_serializer_context())

    def render(self, obj: M, status: int = 200) -> Response:
        """Answer with the output serializer."""
        return Response(self.get_serializer(obj).data, status=status)

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Parse, call the service, render."""
        serializer = self.get_input_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.render(self.perform_create(serializer), status=201)

    def perform_create(self, serializer: Any) -> Any:
        """Create by a service; returns the object."""
        raise NotImplementedError

    def perform_update(self, serializer: Any) -> Any:
        """Change by a service; returns the object."""
        raise NotImplementedError

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Parse, call the service, render."""
        obj = self.get_object()
        serializer = self.get_input_serializer(obj, data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        return self.render(self.perform_update(serializer))


class ReadOnlyWorkspaceViewSet(WorkspaceScoped[M], _ReadOnlyModelViewSet[M]):
    """Lists and details of a `WorkspaceModel`."""
