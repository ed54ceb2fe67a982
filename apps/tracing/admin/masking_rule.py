"""Console pages of masking rules."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.tracing.models import MaskingRule
from apps.tracing.services import masking_rule as services

if TYPE_CHECKING:
    MaskingRuleModelForm = forms.ModelForm[MaskingRule]
else:
    MaskingRuleModelForm = forms.ModelForm


class MaskingRuleForm(MaskingRuleModelForm):
    """Refuses what the service would."""

    class Meta:
        model = MaskingRule
        fields = ["name", "kind", "pattern", "replacement", "enabled"]

    def clean(self) -> dict[str, Any] | None:
        """Say it beside the form."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.check_mask(services.MaskValues.from_values(values))
            except FlywheelError as error:
                raise ValidationError(str(error.detail)) from error
        return values


@admin.register(MaskingRule)
class MaskingRuleAdmin(ConsoleModelAdmin[MaskingRule]):
    """Masking rules of the workspace."""

    form = MaskingRuleForm
    list_display = ["name", "kind", "pattern", "replacement", "enabled"]
    list_filter = ["kind", "enabled"]
    search_fields = ["name", "pattern"]
    ordering = ["created_at"]

    def create_object(self, request: HttpRequest, form: Any) -> MaskingRule:
        """Call the service."""
        workspace: Workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        values = services.MaskValues.from_values(form.cleaned_data)
        return services.create_masking_rule(actor=self.actor(request), workspace=workspace, values=values)

    def update_object(self, request: HttpRequest, obj: MaskingRule, form: Any) -> MaskingRule:
        """Call the service."""
        values = services.MaskValues.from_values(form.cleaned_data)
        return services.update_masking_rule(actor=self.actor(request), rule=obj, values=values)

    def delete_object(self, request: HttpRequest, obj: MaskingRule) -> None:
        """Call the service."""
        services.delete_masking_rule(actor=self.actor(request), rule=obj)
