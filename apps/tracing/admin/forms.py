"""The filter bar of the trace list."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.tracing.models import TraceStatus
from apps.tracing.selectors import TraceFilter

RANGES = {
    "1h": (_("Last hour"), timedelta(hours=1)),
    "24h": (_("Last 24 hours"), timedelta(days=1)),
    "7d": (_("Last 7 days"), timedelta(days=7)),
    "30d": (_("Last 30 days"), timedelta(days=30)),
    "90d": (_("Last 90 days"), timedelta(days=90)),
}
DEFAULT_RANGE = "7d"
CUSTOM_RANGE = "custom"


class TraceFilterForm(forms.Form):
    """Filters as they stand in the address of the list."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    range = forms.ChoiceField(
        label=_("Time"),
        required=False,
        choices=[*((key, title) for key, (title, _span) in RANGES.items()), (CUSTOM_RANGE, _("From … to …"))],
    )
    start = forms.DateTimeField(label=_("From"), required=False)
    end = forms.DateTimeField(label=_("To"), required=False)
    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("Any")), *TraceStatus.choices, ("failed_step", _("With a failed step"))],
    )
    model = forms.CharField(label=_("Model"), required=False, max_length=200)
    session = forms.CharField(label=_("Session"), required=False, max_length=200)
    user = forms.CharField(label=_("User"), required=False, max_length=200)
    source = forms.CharField(label=_("Source"), required=False, max_length=200)
    environment = forms.CharField(label=_("Environment"), required=False, max_length=200)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=200)
    min_latency = forms.FloatField(label=_("Slower than (seconds)"), required=False, min_value=0)

    def to_filter(self) -> TraceFilter:
        """The filter of the fields that are filled in and valid; the others narrow nothing."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        start, end = self._range(values)
        seconds = values.get("min_latency")
        return TraceFilter(
            start=start,
            end=end,
            name=values.get("name", ""),
            status=values.get("status", ""),
            model=values.get("model", ""),
            session_id=values.get("session", ""),
            user_id=values.get("user", ""),
            source_type=values.get("source", ""),
            environment=values.get("environment", ""),
            tag=values.get("tag", ""),
            min_latency_ms=None if seconds is None else seconds * 1000,
            text=values.get("q", ""),
        )

    def narrowed(self) -> int:
        """How many filters besides the time range and the search are set."""
        default = TraceFilter()
        chosen = self.to_filter()
        names = {field.name for field in fields(TraceFilter)} - {"start", "end", "text"}
        return sum(getattr(chosen, name) != getattr(default, name) for name in names)

    def _range(self, values: dict[str, Any]) -> tuple[Any, Any]:
        if values.get("range") == CUSTOM_RANGE:
            return values.get("start"), values.get("end")
        _title, span = RANGES.get(values.get("range") or DEFAULT_RANGE, RANGES[DEFAULT_RANGE])
        return timezone.now() - span, None
