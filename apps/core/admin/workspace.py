"""Workspaces."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import moment
from apps.core.admin.installation import is_superuser
from apps.core.admin.membership import WorkspaceMemberInline, save_memberships
from apps.core.models import Workspace, WorkspaceModel
from apps.core.services import workspace as workspace_service


class WorkspaceAdmin(ConsoleModelAdmin[Workspace]):
    """The workspaces that the person may enter; superusers see and create all."""

    fields = ("name", "allow_private_network")
    inlines = (WorkspaceMemberInline,)
    list_display = ("name", "slug", "member_count", "created")
    search_fields = ("name", "slug")
    ordering = ("name",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """Those that may be entered, with the number of members."""
        every: QuerySet[Workspace] = ModelAdmin.get_queryset(self, request)
        entered = Workspace.objects.visible_to(request.user).values("pk")
        return every.filter(pk__in=entered).annotate(members=Count("memberships"))

    @admin.display(description=_("members"), ordering="members")
    def member_count(self, workspace: Workspace) -> int:
        """How many people belong to it."""
        count: int = workspace.members  # type: ignore[attr-defined]  # annotated by get_queryset
        return count

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, workspace: Workspace) -> SafeString:
        """When it was made."""
        return moment(workspace.created_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        """Members."""
        return request.user.is_authenticated if obj is None else self.may(request, "view", obj)

    def get_inlines(self, request: HttpRequest, obj: Workspace | None) -> Any:
        """Members are added once the workspace exists; its maker is the first owner."""
        return self.inlines if obj is not None else ()

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Workspace:
        """Create a workspace with the person as its owner."""
        actor = self.actor(request)
        workspace = workspace_service.create_workspace(actor=actor, name=form.cleaned_data["name"])
        if form.cleaned_data["allow_private_network"]:
            return self._update(request, workspace, form)
        return workspace

    def update_object(self, request: HttpRequest, obj: Workspace, form: forms.ModelForm[Any]) -> Workspace:
        """Change name and network policy."""
        return self._update(request, obj, form) if form.has_changed() else obj

    def _update(self, request: HttpRequest, workspace: Workspace, form: forms.ModelForm[Any]) -> Workspace:
        return workspace_service.update_workspace(
            actor=self.actor(request),
            workspace=workspace,
            name=form.cleaned_data["name"],
            allow_private_network=form.cleaned_data["allow_private_network"],
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Carry out changes of membership."""
        for formset in formsets:
            save_memberships(self.actor(request), formset)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The audit log says what changed."""
        return []

    def delete_object(self, request: HttpRequest, obj: Workspace) -> None:
        """Delete the workspace with everything in it."""
        workspace_service.delete_workspace(actor=self.actor(request), workspace=obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say how much goes with it. Django would load every row, and ask for a permission on each kind."""
        counts = {}
        for model in apps.get_models():
            if issubclass(model, WorkspaceModel):
                number = model._default_manager.filter(workspace__in=list(objs)).count()
                if number:
                    counts[model._meta.verbose_name_plural] = number
        return [str(obj) for obj in objs], counts, set(), []
