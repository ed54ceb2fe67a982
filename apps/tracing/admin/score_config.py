"""Console pages of score definitions."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.tracing.models import ScoreConfig
from apps.tracing.services import score_config as services

if TYPE_CHECKING:
    ScoreConfigModelForm = forms.ModelForm[ScoreConfig]
else:
    ScoreConfigModelForm = forms.ModelForm


class ScoreConfigForm(ScoreConfigModelForm):
    """Categories are written one per line."""

    categories = forms.CharField(
        label=_("Categories"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("One per line, for a category score."),
    )

    class Meta:
        model = ScoreConfig
        fields = ["name", "data_type", "description", "min_value", "max_value", "categories", "archived"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["categories"] = "\n".join(map(str, self.instance.categories))

    def clean_categories(self) -> list[str]:
        """The lines without the empty ones."""
        lines = [line.strip() for line in self.cleaned_data["categories"].splitlines()]
        return list(dict.fromkeys(filter(None, lines)))

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the service would, beside the form."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.check_rules(services.ScoreRules.from_values(values))
            except FlywheelError as error:
                raise ValidationError(str(error.detail)) from error
        return values


@admin.register(ScoreConfig)
class ScoreConfigAdmin(ConsoleModelAdmin[ScoreConfig]):
    """Score definitions of the workspace."""

    form = ScoreConfigForm
    list_display = ["name", "data_type", "description", "archived"]
    list_filter = ["data_type", "archived"]
    search_fields = ["name", "description"]
    ordering = ["name"]

    def create_object(self, request: HttpRequest, form: Any) -> ScoreConfig:
        """Call the service."""
        workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        rules = services.ScoreRules.from_values(form.cleaned_data)
        return services.create_score_config(actor=self.actor(request), workspace=workspace, rules=rules)

    def update_object(self, request: HttpRequest, obj: ScoreConfig, form: Any) -> ScoreConfig:
        """Call the service."""
        rules = services.ScoreRules.from_values(form.cleaned_data)
        return services.update_score_config(actor=self.actor(request), config=obj, rules=rules)

    def delete_object(self, request: HttpRequest, obj: ScoreConfig) -> None:
        """Call the service."""
        services.delete_score_config(actor=self.actor(request), config=obj)
