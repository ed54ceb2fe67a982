"""Groups of people, for sharing single objects with several at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from apps.core.admin.installation import InstallationAdmin
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import User
from apps.core.services import group as group_service


class GroupForm(TypedModelForm[Group]):
    """Name and people; what a group may do is said by the objects shared with it."""

    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=User.objects.filter(is_active=True).order_by("email"),
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget(),
    )

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["members"].initial = list(self.instance.user_set.values_list("pk", flat=True))


class GroupAdmin(InstallationAdmin[Group]):
    """Groups of the installation."""

    form = GroupForm
    fields = ("name", "members")
    list_display = ("name", "member_count")
    search_fields = ("name",)
    ordering = ("name",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """With the number of members."""
        return super().get_queryset(request).annotate(people=Count("user"))

    @admin.display(description=_("members"), ordering="people")
    def member_count(self, group: Group) -> int:
        """How many people belong to it."""
        count: int = group.people  # type: ignore[attr-defined]  # annotated by get_queryset
        return count

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Group:
        """Create a group."""
        return group_service.create_group(
            actor=self.actor(request), name=form.cleaned_data["name"], members=form.cleaned_data["members"]
        )

    def update_object(self, request: HttpRequest, obj: Group, form: forms.ModelForm[Any]) -> Group:
        """Change name and members."""
        return group_service.update_group(
            actor=self.actor(request),
            group=obj,
            name=form.cleaned_data["name"],
            members=form.cleaned_data["members"],
        )

    def delete_object(self, request: HttpRequest, obj: Group) -> None:
        """Delete the group; what was shared with it is shared no more."""
        group_service.delete_group(actor=self.actor(request), group=obj)
