"""API keys."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import ApiKey, Workspace
from apps.core.models.api_key import Scope
from apps.core.services import api_key as api_key_service


class ApiKeyForm(TypedModelForm[ApiKey]):
    """What a new key is for."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("The key may do what these allow and your role allows, whichever is less."),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "expires_at", "rate_limit_per_minute")

    def clean_expires_at(self) -> Any:
        """An expiry lies ahead."""
        expires = self.cleaned_data["expires_at"]
        if expires is not None and expires <= timezone.now():
            raise ValidationError(_("The expiry lies in the past."))
        return expires


class ApiKeyAdmin(ConsoleModelAdmin[ApiKey]):
    """Keys of the current workspace. The secret is on the page after the creation, and nowhere else."""

    form = ApiKeyForm
    list_display = ("name", "key", "state", "scope_list", "user", "expires", "last_use")
    list_select_related = ("user",)
    search_fields = ("name", "prefix")
    actions = ("revoke_selected",)
    times = ("expires", "last_use", "created")
    change_form_outer_before_template = "core/api_key_tools.html"

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """A form for a new key, a description of an existing one."""
        if obj is None:
            return ("name", "scopes", "expires_at", "rate_limit_per_minute")
        return ("name", "key", "state", "scope_list", "user", "rate_limit_per_minute", *self.times)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """An existing key is looked at."""
        return () if obj is None else self.get_fields(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """One block."""
        return [(None, {"fields": self.get_fields(request, obj)})]

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key is created or revoked, not changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Revoked keys stay, for the record."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Those who may delete keys may revoke them."""
        return self.may(request, "delete")

    @admin.display(description=_("key"))
    def key(self, key: ApiKey) -> SafeString:
        """The part that is not secret."""
        return format_html('<code class="fw-mono">fw_{}_…</code>', key.prefix)

    @admin.display(description=_("state"))
    def state(self, key: ApiKey) -> SafeString:
        """Whether it works."""
        if key.revoked_at is not None:
            return badge(_("Revoked"), "error")
        return badge(_("Active"), "ok") if key.is_usable else badge(_("Expired"), "warn")

    @admin.display(description=_("scopes"))
    def scope_list(self, key: ApiKey) -> str:
        """Scopes by name."""
        return ", ".join(str(Scope(scope).label) for scope in key.scopes)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString:
        """When it ends."""
        return moment(key.expires_at)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_use(self, key: ApiKey) -> SafeString:
        """Last use, to the minute."""
        return moment(key.last_used_at) if key.last_used_at else NOTHING

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, key: ApiKey) -> SafeString:
        """When it was made."""
        return moment(key.created_at)

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> ApiKey:
        """Create a key; its secret goes to `response_add` with this request only."""
        data = form.cleaned_data
        key, request.new_api_key = api_key_service.create_api_key(  # type: ignore[attr-defined]  # lives for this request
            actor=self.actor(request),
            workspace=cast("Workspace", self.workspace(request)),
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
            rate_limit_per_minute=data["rate_limit_per_minute"],
        )
        return key

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """One button: what follows the creation is the page with the secret."""
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, this once: it is in no redirect, session or message; nothing caches the page."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("API key created"),
            "api_key": obj,
            "secret": request.new_api_key,  # type: ignore[attr-defined]  # set by create_object
        }
        response = TemplateResponse(request, "core/api_key_created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Revoke the ticked keys."""
        actor = self.actor(request)
        self.run_each(
            request,
            queryset,
            lambda key: api_key_service.revoke_api_key(actor=actor, key=key),
            gettext("API keys revoked"),
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the address that revokes one key."""
        own = path(
            "<uuid:pk>/revoke/", self.admin_site.admin_view(self.revoke_view), name="core_apikey_revoke"
        )
        return [own, *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Revoke one key."""
        if not self.has_revoke_permission(request) or request.method != "POST":
            raise PermissionDenied
        key = self.get_queryset(request).filter(pk=pk).first()
        if key is None:
            raise Http404
        api_key_service.revoke_api_key(actor=self.actor(request), key=key)
        self.message_user(request, gettext("The key “%(name)s” is revoked.") % {"name": key.name})
        return redirect(reverse("admin:core_apikey_changelist"))
