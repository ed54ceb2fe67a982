"""The list and form of models."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge
from apps.core.admin.model_form import TypedModelForm
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.providers import prices
from apps.providers.admin.deletion import cascade_counts
from apps.providers.models import Model, Provider, ProviderKind
from apps.providers.selectors import usage_of
from apps.providers.services import model as model_service
from apps.providers.services.connection import check_model

_CHANGEABLE = (
    "title",
    "context_window",
    "dimensions",
    "abilities",
    "input_price",
    "output_price",
    "cached_price",
    "max_concurrency",
    "timeout_s",
    "fallback",
    "enabled",
)


class ModelForm(TypedModelForm[Model]):
    """Everything about a model; constraints that span models are checked by the service."""

    class Meta:
        model = Model
        fields = ("provider", "slot", "name", *_CHANGEABLE)

    def clean(self) -> dict[str, Any] | None:
        """The service checks more; this is told without losing what was typed."""
        data = super().clean()
        fallback = self.cleaned_data.get("fallback")
        if fallback is not None and fallback.slot != self.cleaned_data.get("slot", self.instance.slot):
            self.add_error("fallback", _("Choose a model for the same purpose."))
        if not isinstance(self.cleaned_data.get("abilities") or {}, dict):
            self.add_error("abilities", _("Enter a JSON object, for example {}."))
        return data

    def clean_abilities(self) -> Any:
        """Empty means nothing special."""
        return self.cleaned_data["abilities"] or {}


class ModelAdmin(ConsoleModelAdmin[Model]):
    """Models of the current workspace."""

    form = ModelForm
    list_display = ("label", "name", "provider_name", "slot", "price", "default_mark", "state")
    list_display_links = ("label",)
    list_filter = ("slot", "enabled")
    list_select_related = ("provider",)
    search_fields = ("name", "title", "provider__name")
    ordering = ("slot", "created_at")
    actions = ("make_default", "test_selected")
    change_form_outer_before_template = "providers/model_tools.html"

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """The provider list links here; nothing of a provider but its id can be asked for."""
        if lookup == "provider__id__exact":
            return True
        return not lookup.startswith("provider__") and super().lookup_allowed(
            lookup, value, cast("HttpRequest", request)
        )

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What it is, what it costs, how it is called."""
        first = ("provider", "slot", "name", "title", "enabled")
        return [
            (None, {"fields": first if obj is None else (*first, "usage")}),
            (
                _("Prices"),
                {
                    "fields": ("input_price", "output_price", "cached_price"),
                    "description": _("US dollars per million tokens. Left empty: the public price list."),
                },
            ),
            (_("Calls"), {"fields": ("timeout_s", "max_concurrency", "fallback")}),
            (_("Properties"), {"fields": ("context_window", "dimensions", "abilities")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A model stays with its provider and its purpose; the built-in ones keep their names."""
        if obj is None:
            return ()
        fixed = ("provider", "slot", "usage")
        return (*fixed, "name") if obj.provider.kind == ProviderKind.LOCAL else fixed

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only providers that take models can be chosen, and only fallbacks that the person may see."""
        if db_field.name == "provider":
            kwargs["queryset"] = (
                Provider.objects.in_workspace(cast("Workspace", self.workspace(request)))
                .visible_to(request.user)
                .exclude(kind=ProviderKind.LOCAL)
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_test_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Those who may change models."""
        return self.may(request, "test", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The built-in models stay."""
        built_in = obj is not None and obj.provider.kind == ProviderKind.LOCAL
        return super().has_delete_permission(request, obj) and not built_in

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say how much goes with them; the built-in ones can't go."""
        counts: dict[Any, int] = {self.opts.verbose_name_plural: len(objs), **cascade_counts(objs)}
        built_in = [str(obj) for obj in objs if obj.provider.kind == ProviderKind.LOCAL]
        return [str(obj) for obj in objs], counts, set(), built_in

    @admin.display(description=_("model"), ordering="title")
    def label(self, model: Model) -> str:
        """Display name."""
        return str(model)

    @admin.display(description=_("provider"), ordering="provider__name")
    def provider_name(self, model: Model) -> str:
        """Whose it is."""
        return model.provider.name

    @admin.display(description=_("price (in / out)"))
    def price(self, model: Model) -> SafeString:
        """Own prices, or that the public list has them."""
        if model.input_price is not None or model.output_price is not None:
            shown = f"${_amount(model.input_price)} / ${_amount(model.output_price)}"
            return format_html('<span class="fw-number">{}</span>', shown)
        if prices.is_listed(model.name, model.provider.base_url):
            return badge(_("Price list"), "muted")
        return NOTHING

    @admin.display(description=_("default"))
    def default_mark(self, model: Model) -> SafeString:
        """The one that new agents and bases get."""
        return badge(_("Default"), "info") if model.is_default else NOTHING

    @admin.display(description=_("state"))
    def state(self, model: Model) -> SafeString:
        """Switched on or off, also by its provider."""
        return badge(_("On"), "ok") if model.enabled and model.provider.enabled else badge(_("Off"), "muted")

    @admin.display(description=_("last 30 days"))
    def usage(self, model: Model) -> str:
        """Calls, tokens and cost, from the traces."""
        used = usage_of(model)
        return gettext("%(calls)d calls, %(input)d tokens in, %(output)d tokens out, $%(cost)s") % {
            "calls": used.calls,
            "input": used.input_tokens,
            "output": used.output_tokens,
            "cost": format(used.cost.quantize(Decimal("0.0001")), "f"),
        }

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Model:
        """Add a model to a provider."""
        data = form.cleaned_data
        fields = {name: data[name] for name in _CHANGEABLE}
        return model_service.create_model(
            actor=self.actor(request),
            provider=data["provider"],
            slot=data["slot"],
            name=data["name"],
            **fields,
        )

    def update_object(self, request: HttpRequest, obj: Model, form: forms.ModelForm[Any]) -> Model:
        """Change a model."""
        data = form.cleaned_data
        fields = {name: data[name] for name in _CHANGEABLE}
        return model_service.update_model(
            actor=self.actor(request), model=obj, name=data.get("name"), **fields
        )

    def delete_object(self, request: HttpRequest, obj: Model) -> None:
        """Remove a model."""
        model_service.delete_model(actor=self.actor(request), model=obj)

    @admin.action(description=_("Make default"), permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """One default per purpose: the last of the ticked ones wins."""
        actor = self.actor(request)
        self.run_each(
            request,
            queryset,
            lambda model: model_service.set_default_model(actor=actor, model=model),
            gettext("Default set"),
        )

    @admin.action(description=_("Test"), permissions=["test"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Call each of the ticked models once."""
        for model in queryset.select_related("provider__workspace")[:10]:
            self._test(request, model)

    def _test(self, request: HttpRequest, model: Model) -> None:
        try:
            report = check_model(actor=self.actor(request), model=model)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return
        messages.add_message(request, messages.SUCCESS if report.ok else messages.ERROR, report.message)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Buttons only for those who may press them."""
        extra = {"may_test": self.has_test_permission(request), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the buttons above the form."""
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/test/", wrap(self.test_view), name="providers_model_test"),
            path("<uuid:pk>/set-default/", wrap(self.set_default_view), name="providers_model_set_default"),
        ]
        return [*own, *super().get_urls()]

    def test_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Call one model and go back to it."""
        model = self._posted(request, pk, self.has_test_permission(request))
        self._test(request, model)
        return redirect(reverse("admin:providers_model_change", args=[model.pk]))

    def set_default_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Make one model the default and go back to it."""
        model = self._posted(request, pk, self.has_change_permission(request))
        try:
            model_service.set_default_model(actor=self.actor(request), model=model)
            messages.success(request, gettext("“%(model)s” is the default now.") % {"model": model})
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        return redirect(reverse("admin:providers_model_change", args=[model.pk]))

    def _posted(self, request: HttpRequest, pk: Any, allowed: bool) -> Model:
        if not allowed or request.method != "POST":
            raise PermissionDenied
        model = self.get_queryset(request).select_related("provider__workspace").filter(pk=pk).first()
        if model is None:
            raise Http404
        return model


def _amount(price: Decimal | None) -> str:
    return format((price or Decimal(0)).normalize(), "f")
