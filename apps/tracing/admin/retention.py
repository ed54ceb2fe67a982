"""The page that says how long the workspace keeps its traces."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.core.admin.role import role_allows
from apps.tracing import conf
from apps.tracing.exceptions import InvalidRetention
from apps.tracing.models import Trace, TraceRetention
from apps.tracing.models.trace_retention import MAX_DAYS
from apps.tracing.services import trace_retention as services

if TYPE_CHECKING:
    RetentionModelForm = forms.ModelForm[TraceRetention]
else:
    RetentionModelForm = forms.ModelForm


class TraceRetentionForm(RetentionModelForm):
    """Refuses what the service would."""

    class Meta:
        model = TraceRetention
        fields = ["days"]

    def clean_days(self) -> int | None:
        """Say it beside the field."""
        days: int | None = self.cleaned_data["days"]
        try:
            services.check_retention(TraceRetention(days=days))
        except InvalidRetention as error:
            raise ValidationError(error.extra["errors"]["days"]) from error
        return days


class TraceRetentionPage(ConsolePage):
    """Everybody in the workspace may look; administrators change it."""

    title = _("Retention of traces")
    template_name = "tracing/retention.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Members only."""
        if not role_allows(request, "view", TraceRetention):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The limit and what is stored."""
        return self._context(TraceRetentionForm(instance=TraceRetention.objects.of(self.workspace)))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Change the limit."""
        if not role_allows(request, "change", TraceRetention):
            raise PermissionDenied
        form = TraceRetentionForm(request.POST, instance=TraceRetention.objects.of(self.workspace))
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        services.change_trace_retention(
            actor=self.actor, workspace=self.workspace, days=form.cleaned_data["days"]
        )
        messages.success(request, gettext("The retention of traces was changed."))
        return redirect(reverse("admin:tracing_retention"))

    def _context(self, form: TraceRetentionForm) -> dict[str, Any]:
        oldest = Trace.objects.in_workspace(self.workspace).order_by("start_time", "id").only("start_time")
        limit = conf.retention_days()
        return {
            "form": form,
            "installation_days": limit,
            "effective_days": TraceRetention.objects.of(self.workspace).effective_days,
            "most": min(MAX_DAYS, limit or MAX_DAYS),
            "oldest": oldest.first(),
            "may_change": role_allows(self.request, "change", TraceRetention),
        }
