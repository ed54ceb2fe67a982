"""Members of the current workspace, and the inline of memberships on other pages."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from apps.core.actors import Actor
from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import Membership, Role, User, Workspace
from apps.core.services import workspace as workspace_service

_TONES = {
    Role.OWNER: "info",
    Role.ADMIN: "info",
    Role.EDITOR: "ok",
    Role.ANNOTATOR: "warn",
    Role.VIEWER: "muted",
}


class MemberForm(TypedModelForm[Membership]):
    """Asks for an existing account by its address, so that nobody needs to see the list of all accounts."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=UnfoldAdminEmailInputWidget(),
        help_text=_("The person needs an account. Administrators of the installation create accounts."),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget())

    class Meta:
        model = Membership
        fields = ("role",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["email"].initial = self.instance.user.email
            self.fields["email"].disabled = True
            self.fields["email"].help_text = ""

    def clean_email(self) -> str:
        """Find the account."""
        email: str = self.cleaned_data["email"]
        if not self.instance._state.adding:
            return email
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise ValidationError(_("There is no active account with this address."))
        self.instance.user = user
        return email


class MembershipAdmin(ConsoleModelAdmin[Membership]):
    """People of the current workspace and their roles."""

    form = MemberForm
    fields = ("email", "role")
    list_display = ("person", "email", "role_badge", "since")
    list_display_links = ("person",)
    list_select_related = ("user",)
    list_filter = ("role",)
    search_fields = ("user__email", "user__first_name", "user__username")
    ordering = ("created_at",)
    actions = None

    @admin.display(description=_("name"), ordering="user__first_name")
    def person(self, membership: Membership) -> str:
        """Name of the member."""
        return str(membership.user)

    @admin.display(description=_("e-mail address"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        """Address of the member."""
        return membership.user.email

    @admin.display(description=_("role"), ordering="role")
    def role_badge(self, membership: Membership) -> SafeString:
        """Role as a badge."""
        return badge(membership.get_role_display(), _TONES[Role(membership.role)])

    @admin.display(description=_("since"), ordering="created_at")
    def since(self, membership: Membership) -> SafeString:
        """When they became a member."""
        return moment(membership.created_at)

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Membership:
        """Add a member."""
        return workspace_service.add_member(
            actor=self.actor(request),
            workspace=cast("Workspace", self.workspace(request)),
            user=form.instance.user,
            role=Role(form.cleaned_data["role"]),
        )

    def update_object(self, request: HttpRequest, obj: Membership, form: forms.ModelForm[Any]) -> Membership:
        """Change the role."""
        return change_role(self.actor(request), obj, Role(form.cleaned_data["role"]))

    def delete_object(self, request: HttpRequest, obj: Membership) -> None:
        """Take the member out."""
        workspace_service.remove_member(actor=self.actor(request), membership=obj)


def change_role(actor: Actor, membership: Membership, role: Role) -> Membership:
    """Call the service with the stored row: the form has written the new role into its instance."""
    stored = Membership.objects.select_related("workspace", "user").get(pk=membership.pk)
    return workspace_service.change_role(actor=actor, membership=stored, role=role)


class MembershipInline(TabularInline):
    """Memberships on the page of a workspace or an account; saved by `save_memberships`."""

    model = Membership
    extra = 0
    tab = True
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With what the rows show."""
        queryset: QuerySet[Membership] = super().get_queryset(request)
        return queryset.select_related("user", "workspace")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the page sees who belongs."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may change the page's object."""
        return obj is not None and self._may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may change the page's object."""
        return obj is not None and self._may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may change the page's object."""
        return obj is not None and self._may_change(request, obj)

    def _may_change(self, request: HttpRequest, obj: Any) -> bool:
        return bool(self.admin_site.get_model_admin(type(obj)).has_change_permission(request, obj))


class WorkspaceMemberInline(MembershipInline):
    """On a workspace: people by address."""

    form = MemberForm
    fields = ("email", "role")


class UserMembershipInline(MembershipInline):
    """On an account: workspaces by name."""

    verbose_name = _("workspace")
    verbose_name_plural = _("workspaces")

    fields = ("workspace", "role")


def save_memberships(actor: Actor, formset: Any) -> None:
    """Carry out what the person did in the inline, one service call per changed row."""
    for form in formset.forms:
        if not form.has_changed() and form not in formset.deleted_forms:
            continue
        membership: Membership = form.instance
        is_new = membership._state.adding
        if form in formset.deleted_forms:
            if not is_new:
                stored = Membership.objects.select_related("workspace", "user").get(pk=membership.pk)
                workspace_service.remove_member(actor=actor, membership=stored)
        elif is_new:
            workspace_service.add_member(
                actor=actor, workspace=membership.workspace, user=membership.user, role=Role(membership.role)
            )
        else:
            change_role(actor, membership, Role(membership.role))
