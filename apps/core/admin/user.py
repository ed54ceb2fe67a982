"""Accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.core.admin.formatting import badge, moment
from apps.core.admin.installation import InstallationAdmin, is_superuser
from apps.core.admin.membership import UserMembershipInline, save_memberships
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import User
from apps.core.services import user as user_service


class AccountForm(TypedModelForm[User]):
    """What an administrator of the installation says about an account."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=UnfoldAdminEmailInputWidget(),
        help_text=_("Also the name to log in with."),
    )
    name = forms.CharField(
        label=_("Name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget()
    )
    is_superuser = forms.BooleanField(
        label=_("Administrator of the installation"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("May enter every workspace, and manage accounts and the system."),
    )

    class Meta:
        model = User
        fields = ("email", "is_superuser")

    def clean_email(self) -> str:
        """One account per address, whatever the case."""
        email: str = self.cleaned_data["email"].strip()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("There is an account with this address already."))
        return email


class NewAccountForm(AccountForm):
    """A new account, with its first password."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html(),
    )

    def clean_password(self) -> str:
        """Apply the rules for passwords."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.cleaned_data.get("email", "")))
        return password


class ChangedAccountForm(AccountForm):
    """An existing account."""

    is_active = forms.BooleanField(
        label=_("Active"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("An account that is switched off cannot log in, and its API keys stop working."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As in the browser")), *settings.LANGUAGES],
        widget=UnfoldAdminSelectWidget(),
    )

    class Meta:
        model = User
        fields = ("email", "is_superuser", "is_active", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["name"].initial = self.instance.first_name


class PasswordForm(forms.Form):
    """A new password for somebody's account."""

    password = forms.CharField(
        label=_("New password"), strip=False, help_text=password_validators_help_text_html()
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """Apply the rules for passwords."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password


class UserAdmin(InstallationAdmin[User]):
    """Accounts are never deleted, only switched off: the audit log and their work refer to them."""

    list_display = ("name", "email", "state", "workspace_count", "last_seen")
    list_display_links = ("name",)
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "first_name", "username")
    ordering = ("email",)
    inlines = (UserMembershipInline,)
    actions = ("deactivate", "activate")
    change_form_outer_before_template = "core/user_tools.html"

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Choose the form for a new or an existing account."""
        return NewAccountForm if obj is None else ChangedAccountForm

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Fields in the order of the form."""
        if obj is None:
            return ("email", "name", "password", "is_superuser")
        return ("email", "name", "language", "is_active", "is_superuser")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """One block."""
        return [(None, {"fields": self.get_fields(request, obj)})]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Roles are given once the account exists."""
        return self.inlines if obj is not None else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """All accounts, with the number of their workspaces."""
        return super().get_queryset(request).annotate(workspaces=Count("memberships"))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never; accounts are switched off instead."""
        return False

    @admin.display(description=_("name"), ordering="first_name")
    def name(self, user: User) -> str:
        """Name of the person."""
        return str(user)

    @admin.display(description=_("state"))
    def state(self, user: User) -> SafeString:
        """What kind of account it is."""
        if not user.is_active:
            return badge(_("Switched off"), "error")
        return badge(_("Administrator"), "info") if user.is_superuser else badge(_("Active"), "ok")

    @admin.display(description=_("workspaces"), ordering="workspaces")
    def workspace_count(self, user: User) -> int:
        """How many workspaces the person belongs to."""
        count: int = user.workspaces  # type: ignore[attr-defined]  # annotated by get_queryset
        return count

    @admin.display(description=_("last login"), ordering="last_login")
    def last_seen(self, user: User) -> SafeString:
        """Last login."""
        return moment(user.last_login)

    # -- writes

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> User:
        """Create an account."""
        data = form.cleaned_data
        return user_service.create_user(
            actor=self.actor(request),
            email=data["email"],
            password=data["password"],
            name=data["name"],
            superuser=data["is_superuser"],
        )

    def update_object(self, request: HttpRequest, obj: User, form: forms.ModelForm[Any]) -> User:
        """Change an account."""
        data = form.cleaned_data
        return user_service.update_user(
            actor=self.actor(request),
            user=obj,
            email=data["email"],
            name=data["name"],
            active=data["is_active"],
            superuser=data["is_superuser"],
            language=data["language"],
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

    @admin.action(description=_("Activate"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let accounts log in again."""
        self._set_active(request, queryset, active=True, done=gettext("Accounts activated"))

    @admin.action(description=_("Switch off"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Keep accounts from logging in."""
        self._set_active(request, queryset, active=False, done=gettext("Accounts switched off"))

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool, done: str) -> None:
        actor = self.actor(request)

        def change(user: User) -> None:
            user_service.update_user(
                actor=actor,
                user=user,
                email=user.email,
                name=user.first_name,
                active=active,
                superuser=user.is_superuser,
                language=user.language,
            )

        self.run_each(request, queryset, change, done)

    # -- password

    def get_urls(self) -> list[URLPattern]:
        """Add the page that sets a password."""
        own = path(
            "<int:pk>/password/",
            self.admin_site.admin_view(self.password_view),
            name="core_user_password_change",
        )
        return [own, *super().get_urls()]

    def password_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Set a new password for somebody's account."""
        if not is_superuser(request):
            raise PermissionDenied
        user = User.objects.filter(pk=pk).first()
        if user is None:
            raise Http404
        form = PasswordForm(user, request.POST or None)
        if request.method == "POST" and form.is_valid():
            user_service.change_password(
                actor=self.actor(request), user=user, password=form.cleaned_data["password"]
            )
            self.message_user(request, gettext("The password of %(user)s was changed.") % {"user": user})
            return redirect(reverse("admin:core_user_change", args=[user.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Set password"),
            "account": user,
            "form": form,
        }
        return TemplateResponse(request, "core/user_password.html", context)
