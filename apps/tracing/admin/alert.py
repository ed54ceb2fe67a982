"""Console pages of alerts."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.tracing.admin.metric_fields import FiltersField, metric_choices, offered
from apps.tracing.alerting import message
from apps.tracing.models import Alert, AlertState, EventKind, Severity
from apps.tracing.rollups import MetricFilter
from apps.tracing.rollups.catalogue import METRICS
from apps.tracing.services import alert as services

_TONES: Final = {
    AlertState.OK: "ok", AlertState.PENDING: "warn", AlertState.FIRING: "error", AlertState.NO_DATA: "warn",
}  # fmt: skip
_SEVERITIES: Final = {Severity.INFO: "info", Severity.WARNING: "warn", Severity.CRITICAL: "error"}
_EVENTS: Final = {
    EventKind.FIRING: "error", EventKind.STILL_FIRING: "error", EventKind.RESOLVED: "ok",
    EventKind.NO_DATA: "warn", EventKind.TEST: "muted",
}  # fmt: skip
SHOWN_EVENTS: Final = 50
MUTES: Final = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}


class AlertForm(TypedModelForm[Alert]):
    """Stored addresses and secrets of webhooks are never shown; an empty field keeps them."""

    metric = forms.ChoiceField(
        label=_("Metric"),
        choices=metric_choices,
        widget=UnfoldAdminSelectWidget(attrs={"data-metric-select": ""}),
    )
    filters = FiltersField()
    emails = forms.CharField(
        label=_("E-mail addresses"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("One per line."),
    )
    new_webhook_url = forms.CharField(
        label=_("Webhook"),
        required=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    new_webhook_secret = forms.CharField(
        label=_("Secret of the webhook"),
        required=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Messages are signed with it (X-Flywheel-Signature). An empty field keeps the stored one."
        ),
    )
    forget_webhook = forms.BooleanField(label=_("Forget the webhook"), required=False)

    class Meta:
        model = Alert
        fields = (
            "name", "description", "enabled", "severity", "view", "window_minutes", "operator", "threshold",
            "evaluations", "no_data", "renotify_minutes",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["emails"] = "\n".join(map(str, self.instance.emails))
        host = self.instance.webhook_host
        self.fields["new_webhook_url"].help_text = (
            gettext("Messages go to %(host)s. An empty field keeps that.") % {"host": host}
            if host
            else gettext("An address that takes JSON by POST. It is kept encrypted and not shown again.")
        )

    def clean_emails(self) -> list[str]:
        """The lines."""
        return [line.strip() for line in self.cleaned_data["emails"].splitlines() if line.strip()]

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the service would, beside the form."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.check_alert(values_of(values))
            except FlywheelError as error:
                raise ValidationError(str(error.detail)) from error
        return values


def values_of(cleaned: dict[str, Any]) -> services.AlertValues:
    """The service's values from a form's."""
    names = (
        "name", "description", "enabled", "severity", "view", "metric", "window_minutes", "operator",
        "threshold", "evaluations", "no_data", "renotify_minutes", "emails",
    )  # fmt: skip
    forget = cleaned.get("forget_webhook")
    return services.AlertValues(
        **{name: cleaned[name] for name in names},
        filters=tuple(MetricFilter.read(item) for item in cleaned["filters"]),
        webhook_url="" if forget else cleaned["new_webhook_url"].strip() or None,
        webhook_secret="" if forget else cleaned["new_webhook_secret"] or None,
    )


@admin.register(Alert)
class AlertAdmin(ConsoleModelAdmin[Alert]):
    """Alerts of the workspace."""

    form = AlertForm
    list_display = ("name", "standing", "importance", "condition", "figure", "changed", "muted")
    list_filter = ("state", "severity", "enabled")
    search_fields = ("name", "description")
    ordering = ("name",)
    list_select_related = ("workspace",)
    change_form_outer_before_template = "tracing/alert_tools.html"
    readonly_fields = ("standing", "history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Without what lists and forms don't show."""
        return super().get_queryset(request).defer("webhook_url", "webhook_secret")

    def get_fieldsets(self, request: HttpRequest, obj: Alert | None = None) -> Any:
        """What is watched, when people are told, and where."""
        watched: tuple[str, ...] = (
            "view",
            "metric",
            "filters",
            "window_minutes",
            "operator",
            "threshold",
            "evaluations",
        )
        channels = ("emails", "new_webhook_url", "new_webhook_secret", *(["forget_webhook"] if obj else []))
        told = ("severity", "no_data", "renotify_minutes", *channels)
        if not self.has_change_permission(request, obj):
            watched, told = ("condition", "evaluations"), ("severity", "no_data", "renotify_minutes")
        sections: list[Any] = [
            (None, {"fields": ("name", "description", "enabled", *(["standing"] if obj else []))}),
            (_("The figure"), {"fields": watched}),
            (_("Telling people"), {"fields": told}),
        ]
        return [*sections, (_("History"), {"fields": ("history",)})] if obj else sections

    def get_readonly_fields(self, request: HttpRequest, obj: Alert | None = None) -> Any:
        """Who only looks sees the condition as a sentence."""
        return (*super().get_readonly_fields(request, obj), "condition")

    @admin.display(description=_("State"), ordering="state")
    def standing(self, alert: Alert) -> SafeString:
        """How it stands."""
        if not alert.enabled:
            return badge(_("Switched off"), "muted")
        state = AlertState(alert.state)
        return badge(state.label, _TONES[state])

    @admin.display(description=_("Severity"), ordering="severity")
    def importance(self, alert: Alert) -> SafeString:
        """How urgent it is."""
        severity = Severity(alert.severity)
        return badge(severity.label, _SEVERITIES[severity])

    @admin.display(description=_("Condition"))
    def condition(self, alert: Alert) -> str:
        """What makes it fire."""
        return message.condition(alert)

    @admin.display(description=_("Last figure"))
    def figure(self, alert: Alert) -> str:
        """What was seen last."""
        return message.shown(alert.value, METRICS[alert.view][alert.metric].unit)

    @admin.display(description=_("State since"), ordering="since")
    def changed(self, alert: Alert) -> SafeString:
        """Since when it is in its state."""
        return moment(alert.since)

    @admin.display(description=_("Muted until"), ordering="muted_until")
    def muted(self, alert: Alert) -> SafeString:
        """Until when nobody is told."""
        active = alert.muted_until is not None and alert.muted_until > timezone.now()
        return moment(alert.muted_until) if active else NOTHING

    @admin.display(description=_("Events"))
    def history(self, alert: Alert) -> SafeString:
        """The last events, and whether people were reached."""
        unit = METRICS[alert.view][alert.metric].unit
        rows = [
            {
                "at": moment(event.at),
                "kind": badge(EventKind(event.kind).label, _EVENTS[EventKind(event.kind)]),
                "value": message.shown(event.value, unit),
                "muted": event.muted,
                "deliveries": [_delivery(name, state) for name, state in event.deliveries.items()],
            }
            for event in alert.events.all()[:SHOWN_EVENTS]
        ]
        return mark_safe(render_to_string("tracing/alert_events.html", {"rows": rows}))  # noqa: S308 - of a template

    def create_object(self, request: HttpRequest, form: Any) -> Alert:
        """Call the service."""
        workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        values = values_of(form.cleaned_data)
        return services.create_alert(actor=self.actor(request), workspace=workspace, values=values)

    def update_object(self, request: HttpRequest, obj: Alert, form: Any) -> Alert:
        """Call the service."""
        values = values_of(form.cleaned_data)
        return services.update_alert(actor=self.actor(request), alert=obj, values=values)

    def delete_object(self, request: HttpRequest, obj: Alert) -> None:
        """Call the service."""
        services.delete_alert(actor=self.actor(request), alert=obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add what the script of the form and the buttons need."""
        extra = {"offered": offered(), "mutes": MUTES, "now": timezone.now(), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the buttons."""
        view = self.admin_site.admin_view(self.act_view)
        return [path("<uuid:pk>/act/", view, name="tracing_alert_act"), *super().get_urls()]

    def act_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Test, mute or unmute one alert and go back to it."""
        alert = self.get_queryset(request).filter(pk=pk).first()
        if alert is None:
            raise Http404
        if request.method != "POST" or not self.has_change_permission(request, alert):
            raise PermissionDenied
        try:
            messages.success(request, self._act(request, alert))
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        return redirect("admin:tracing_alert_change", alert.pk)

    def _act(self, request: HttpRequest, alert: Alert) -> str:
        actor, wanted = self.actor(request), request.POST.get("action", "")
        if wanted == "test":
            services.test_alert(actor=actor, alert=alert)
            return gettext("A test message is on its way. The history says whether it arrived.")
        if wanted == "unmute":
            services.mute_alert(actor=actor, alert=alert, until=None)
            return gettext("People are told again.")
        if wanted not in MUTES:
            raise Http404
        services.mute_alert(actor=actor, alert=alert, until=timezone.now() + MUTES[wanted])
        return gettext("Nobody is told for now. What happens is still written down.")


def _delivery(channel: str, state: dict[str, Any]) -> SafeString:
    """A channel with its result; the reason of a failure stands beside it."""
    labels = {"sent": (_("sent"), "ok"), "waiting": (_("waiting"), "info"), "failed": (_("failed"), "error")}
    text, tone = labels[state["state"]]
    name = _("Webhook") if channel == "webhook" else _("E-mail")
    shown = badge(f"{name}: {text}", tone)
    return format_html('{} <span class="fw-small fw-muted">{}</span>', shown, state.get("error", ""))
