"""Console pages of trace forwarders."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.tracing.models import TraceForwarder
from apps.tracing.services import forwarder as services


class TraceForwarderForm(TypedModelForm[TraceForwarder]):
    """Lists are written one per line. Stored headers are never shown; an empty field keeps them."""

    headers = forms.CharField(
        label=_("Headers"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("One per line: Authorization: Bearer … They are kept encrypted and not shown again."),
    )
    environments = forms.CharField(
        label=_("Environments"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("One per line; empty: all."),
    )
    types = forms.CharField(
        label=_("Types of observations"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("One per line, such as generation; empty: all."),
    )

    class Meta:
        model = TraceForwarder
        fields = ("name", "endpoint", "sampling", "with_content", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("environments", "types"):
            self.initial[name] = "\n".join(map(str, getattr(self.instance, name)))

    def clean_headers(self) -> dict[str, str] | None:
        """Names and values; None when nothing was entered."""
        lines = _lines(self.cleaned_data["headers"])
        pairs = [line.partition(":") for line in lines]
        if any(not separator or not name.strip() for name, separator, _value in pairs):
            raise ValidationError(_("Write one header per line as “name: value”."))
        return {name.strip(): value.strip() for name, _separator, value in pairs} or None

    def clean_environments(self) -> list[str]:
        """The lines."""
        return _lines(self.cleaned_data["environments"])

    def clean_types(self) -> list[str]:
        """The lines."""
        return _lines(self.cleaned_data["types"])

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the service would, beside the form."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.check_forwarder(values_of(values))
            except FlywheelError as error:
                raise ValidationError(str(error.detail)) from error
        return values


def values_of(cleaned: dict[str, Any]) -> services.ForwarderValues:
    """The service's values from a form's."""
    names = ("name", "endpoint", "headers", "environments", "types", "sampling", "with_content", "enabled")
    return services.ForwarderValues(**{name: cleaned[name] for name in names if name in cleaned})


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@admin.register(TraceForwarder)
class TraceForwarderAdmin(ConsoleModelAdmin[TraceForwarder]):
    """Trace forwarders of the workspace."""

    form = TraceForwarderForm
    list_display = ("name", "endpoint", "state", "sent_count", "sent_up_to")
    list_filter = ("enabled",)
    search_fields = ("name", "endpoint")
    ordering = ("name",)
    fields = (
        "name", "endpoint", "headers", "environments", "types", "sampling", "with_content", "enabled", "state",
        "sent_count", "error",
    )  # fmt: skip
    readonly_fields = ("state", "sent_count", "error")

    @admin.display(description=_("State"))
    def state(self, obj: TraceForwarder) -> SafeString:
        """Whether it works."""
        if obj.error:
            return badge(_("Failing"), "error")
        return badge(_("Switched on"), "ok") if obj.enabled else badge(_("Switched off"), "muted")

    @admin.display(description=_("Sent up to"), ordering="cursor_at")
    def sent_up_to(self, obj: TraceForwarder) -> SafeString:
        """When the last span it sent was received."""
        return moment(obj.cursor_at)

    def create_object(self, request: HttpRequest, form: Any) -> TraceForwarder:
        """Call the service."""
        workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        values = values_of(form.cleaned_data)
        return services.create_forwarder(actor=self.actor(request), workspace=workspace, values=values)

    def update_object(self, request: HttpRequest, obj: TraceForwarder, form: Any) -> TraceForwarder:
        """Call the service."""
        return services.update_forwarder(
            actor=self.actor(request), forwarder=obj, values=values_of(form.cleaned_data)
        )

    def delete_object(self, request: HttpRequest, obj: TraceForwarder) -> None:
        """Call the service."""
        services.delete_forwarder(actor=self.actor(request), forwarder=obj)
