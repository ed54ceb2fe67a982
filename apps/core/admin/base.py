"""Bases of the console's model pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DataError, models
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.admin import extensions
from apps.core.admin.role import role_allows
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.core.querysets import WorkspaceQuerySet

M = TypeVar("M", bound=models.Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    class _Base(TypedModelAdmin[M], Generic[M]):
        """Unfold's admin carries no types; for the checker it is Django's."""
else:

    class _Base(ModelAdmin, Generic[M]):
        """Unfold's admin, subscriptable like Django's in type stubs."""


class ConsoleModelAdmin(_Base[M]):
    """List and form of a workspace's objects: visibility by `visible_to`, writes by services.

    Override `create_object`, `update_object` and `delete_object`; each calls one service. A `FlywheelError` is
    shown to the person, and nothing is saved.
    """

    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    warn_unsaved_form = True
    list_filter_submit = True

    def workspace(self, request: HttpRequest) -> Workspace | None:
        """Return the current workspace."""
        return getattr(request, "workspace", None) or None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[M]:
        """Rows of the current workspace that the person may see."""
        queryset = super().get_queryset(request)
        workspace = self.workspace(request)
        if workspace is None or not isinstance(queryset, WorkspaceQuerySet):
            return queryset.none()
        return queryset.in_workspace(workspace).visible_to(request.user, "view")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only objects of the current workspace."""
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only objects of the current workspace."""
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choices(self, db_field: Any, request: HttpRequest) -> Any:
        queryset = db_field.remote_field.model._default_manager.all()
        workspace = self.workspace(request)
        if isinstance(queryset, WorkspaceQuerySet):
            return (
                queryset.in_workspace(workspace).visible_to(request.user, "view")
                if workspace
                else queryset.none()
            )
        return queryset

    # -- permissions -------------------------------------------------------------------------------------------------

    def may(self, request: HttpRequest, action: str, obj: M | None = None) -> bool:
        """Tell whether the person may do `action` here, or on `obj`."""
        workspace = self.workspace(request)
        if not request.user.is_authenticated:
            return False
        if obj is None:
            return workspace is not None and role_allows(request, action, self.model)
        if workspace is not None and getattr(obj, "workspace_id", None) == workspace.pk:
            return role_allows(request, action, self.model) or permissions.allows(request.user, action, obj)
        return permissions.allows(request.user, action, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Shown to those who may see objects of this kind."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Members, and people with whom a single object is shared: their list holds what they may see."""
        if self.may(request, "view", obj):
            return True
        return obj is None and request.user.is_authenticated and self.get_queryset(request).exists()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By role."""
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """By role or grant."""
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """By role or grant."""
        return self.may(request, "delete", obj)

    # -- writes ------------------------------------------------------------------------------------------------------

    def create_object(self, request: HttpRequest, form: ModelForm[Any]) -> M:
        """Create from a valid form by calling a service."""
        raise NotImplementedError

    def update_object(self, request: HttpRequest, obj: M, form: ModelForm[Any]) -> M:
        """Change from a valid form by calling a service."""
        raise NotImplementedError

    def delete_object(self, request: HttpRequest, obj: M) -> None:
        """Delete by calling a service."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: M, form: ModelForm[Any], change: bool) -> None:
        """Call the service; the created row's key is handed back to Django's form machinery."""
        saved = self.update_object(request, obj, form) if change else self.create_object(request, form)
        if saved is not obj:
            obj.__dict__.update(saved.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Services write relations too."""

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Call the service."""
        self.delete_object(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[M]) -> None:
        """Call the service for each."""
        for obj in queryset:
            self.delete_object(request, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Go back to the whole list when a filter of the address is nothing that a column can be compared with."""
        try:
            return super().changelist_view(request, extra_context)
        except DataError:
            if request.method != "GET" or not request.GET:
                raise
            messages.error(request, _("The filter can't be read, so all rows are shown."))
            return redirect(request.path)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a service's refusal as a message on the form."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a service's refusal as a message."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect("..")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave logging to the audit trail."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Leave logging to the audit trail."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave logging to the audit trail."""

    # -- actions -----------------------------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Add the actions that higher apps registered for this model."""
        actions: dict[str, Any] = super().get_actions(request)
        for action in extensions.actions_for(self.opts.label_lower):
            needed = getattr(action, "allowed_permissions", None) or ["view"]
            if all(self.may(request, permission) for permission in needed):
                name = action.__name__
                actions[name] = (action, name, getattr(action, "short_description", name))
        return actions

    def actor(self, request: HttpRequest) -> Actor:
        """The person at the page."""
        return Actor.from_request(request)

    def run_each(self, request: HttpRequest, queryset: models.QuerySet[M], service: Any, done: str) -> None:
        """Call `service(obj)` for each row and say how many succeeded and why others did not."""
        succeeded, refused = 0, []
        for obj in queryset:
            try:
                service(obj)
                succeeded += 1
            except FlywheelError as error:
                refused.append(f"{obj}: {error.detail}")
        if succeeded:
            messages.success(request, f"{done}: {succeeded}")
        for sentence in refused[:10]:
            messages.warning(request, sentence)


class ReadOnlyAdmin(ConsoleModelAdmin[M]):
    """Rows that are looked at only."""

    actions: Sequence[Any] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Never."""
        return False


def require_page_access(allowed: bool) -> None:
    """Raise `PermissionDenied` with a sentence unless `allowed`."""
    if not allowed:
        raise PermissionDenied(_("Your role does not include this page."))
