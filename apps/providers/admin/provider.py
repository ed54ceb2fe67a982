"""The list and form of providers."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldAdminTextInputWidget

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.providers.admin.deletion import cascade_counts
from apps.providers.models import Model, Provider
from apps.providers.models.provider import TestResult
from apps.providers.presets import PRESETS
from apps.providers.selectors import providers_with_counts
from apps.providers.services import provider as provider_service
from apps.providers.services.connection import check_provider

_TONES = {TestResult.OK: "ok", TestResult.FAILED: "error", TestResult.UNTESTED: "muted"}


class ProviderForm(TypedModelForm[Provider]):
    """Name, address and key. The key field is always empty: what is stored is never shown."""

    workspace: Workspace | None = None  # set by the admin

    api_key = forms.CharField(
        label=_("API key"),
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Provider
        fields = ("name", "base_url", "enabled")
        widgets = {
            "base_url": UnfoldAdminTextInputWidget(
                attrs={"placeholder": "https://api.openai.com/v1", "spellcheck": "false"}
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "base_url" in self.fields:
            self.fields["base_url"].required = True
        if "api_key" in self.fields:
            self.fields["api_key"].help_text = (
                _("A key is stored. Leave this empty to keep it.")
                if not self.instance._state.adding and self.instance.has_key
                else _("Stored encrypted, and never shown again. Local servers often need none.")
            )

    def clean_name(self) -> str:
        """A name that no other provider of the workspace has."""
        name = _checked(provider_service.clean_name, self.cleaned_data["name"])
        others = Provider.objects.filter(workspace=self.workspace, name=name).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("There is a provider with this name already."))
        return name

    def clean_base_url(self) -> str:
        """An address as the service wants it."""
        return _checked(provider_service.clean_base_url, self.cleaned_data["base_url"])

    def clean_api_key(self) -> str:
        """A key fit for a header."""
        return _checked(provider_service.clean_key, self.cleaned_data["api_key"])


def _checked(clean: Any, value: str) -> str:
    try:
        return cast("str", clean(value))
    except FlywheelError as error:
        raise ValidationError(str(error.detail)) from None


class ProviderAdmin(ConsoleModelAdmin[Provider]):
    """Providers of the current workspace."""

    form = ProviderForm
    list_display = ("name", "base_url", "key_state", "model_count", "connection", "state")
    search_fields = ("name", "base_url")
    ordering = ("created_at",)
    actions = ("test_selected",)
    change_form_outer_before_template = "providers/provider_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        """With the number of models."""
        return providers_with_counts(super().get_queryset(request))

    def get_form(
        self, request: HttpRequest, obj: Provider | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form knows the workspace, for names."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.workspace = self.workspace(request)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        """The built-in provider has no address and no key."""
        if obj is not None and obj.is_local:
            return [(None, {"fields": ("name", "enabled", "connection")})]
        fields = ("name", "base_url", "api_key", "enabled")
        return [(None, {"fields": fields if obj is None else (*fields, "connection")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> tuple[str, ...]:
        """The outcome of the last test is looked at."""
        return () if obj is None else ("connection",)

    def has_test_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        """Those who may change providers."""
        return self.may(request, "test", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        """The built-in provider stays."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_local)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say how much goes with them; the built-in one can't go."""
        models = list(Model.objects.filter(provider__in=[obj.pk for obj in objs]))
        counts: dict[Any, int] = {self.opts.verbose_name_plural: len(objs), **cascade_counts(models)}
        if models:
            counts[Model._meta.verbose_name_plural] = len(models)
        return [str(obj) for obj in objs], counts, set(), [str(obj) for obj in objs if obj.is_local]

    @admin.display(description=_("key"))
    def key_state(self, provider: Provider) -> SafeString:
        """Whether there is one."""
        return badge(_("Stored"), "muted") if provider.has_key else NOTHING

    @admin.display(description=_("models"))
    def model_count(self, provider: Provider) -> SafeString:
        """How many models it has here, linked to them."""
        url = f"{reverse('admin:providers_model_changelist')}?provider__id__exact={provider.pk}"
        count: int = provider.model_count  # type: ignore[attr-defined]  # annotated by get_queryset
        return format_html('<a href="{}">{}</a>', url, count)

    @admin.display(description=_("connection"))
    def connection(self, provider: Provider) -> SafeString:
        """Outcome of the last test."""
        result = TestResult(provider.test_result)
        shown = badge(result.label, _TONES[result])
        if provider.tested_at is None:
            return shown
        return format_html(
            '<span title="{}">{}</span> <span class="fw-muted fw-small">{}</span>',
            provider.test_message,
            shown,
            moment(provider.tested_at),
        )

    @admin.display(description=_("state"))
    def state(self, provider: Provider) -> SafeString:
        """Switched on or off."""
        return badge(_("On"), "ok") if provider.enabled else badge(_("Off"), "muted")

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Provider:
        """Create; `response_add` tests at once, so that the person learns right away whether it works."""
        data = form.cleaned_data
        return provider_service.create_provider(
            actor=self.actor(request),
            workspace=cast("Workspace", self.workspace(request)),
            name=data["name"],
            base_url=data["base_url"],
            api_key=data["api_key"],
            enabled=data["enabled"],
        )

    def response_add(
        self, request: HttpRequest, obj: Provider, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the choice of models, unless the connection does not work."""
        if self._test(request, obj):
            return redirect(reverse("admin:providers_offered_models", args=[obj.pk]))
        return redirect(reverse("admin:providers_provider_change", args=[obj.pk]))

    def update_object(self, request: HttpRequest, obj: Provider, form: forms.ModelForm[Any]) -> Provider:
        """An empty key field keeps the key."""
        data = form.cleaned_data
        return provider_service.update_provider(
            actor=self.actor(request),
            provider=obj,
            name=data["name"],
            base_url=data.get("base_url"),
            api_key=data.get("api_key") or None,
            enabled=data["enabled"],
        )

    def delete_object(self, request: HttpRequest, obj: Provider) -> None:
        """Delete with its models."""
        provider_service.delete_provider(actor=self.actor(request), provider=obj)

    @admin.action(description=_("Test connection"), permissions=["test"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        """Test the ticked providers."""
        for provider in queryset[:20]:
            self._test(request, provider)

    def _test(self, request: HttpRequest, provider: Provider) -> bool:
        try:
            report = check_provider(actor=self.actor(request), provider=provider)
        except FlywheelError as error:
            messages.error(request, f"{provider}: {error.detail}")
            return False
        level = messages.SUCCESS if report.ok else messages.ERROR
        messages.add_message(request, level, f"{provider}: {report.message}")
        return report.ok

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add what the template shows besides the form."""
        presets = [
            {
                "key": preset.key,
                "title": str(preset.title),
                "base_url": preset.base_url,
                "needs_key": preset.needs_key,
                "hint": str(preset.hint),
            }
            for preset in PRESETS
        ]
        extra = {"presets": presets, "may_test": self.has_test_permission(request), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """Add the address that tests one provider."""
        view = self.admin_site.admin_view(self.test_view)
        return [path("<uuid:pk>/test/", view, name="providers_provider_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Test one provider and go back to it."""
        if not self.has_test_permission(request) or request.method != "POST":
            raise PermissionDenied
        provider = self.get_queryset(request).filter(pk=pk).first()
        if provider is None:
            raise Http404
        self._test(request, provider)
        return redirect(reverse("admin:providers_provider_change", args=[provider.pk]))
