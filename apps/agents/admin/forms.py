"""The agent's form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.agents.models import Agent
from apps.agents.models.agent import MAX_SUGGESTIONS
from apps.core.models import User, Workspace
from apps.knowledge.models import KnowledgeBase
from apps.providers.models import Model


class AgentForm(forms.ModelForm[Agent]):
    """All editable fields; suggested questions one per line."""

    suggested_questions = forms.CharField(
        label=_("Suggested questions"),
        required=False,
        widget=forms.Textarea(attrs={"class": "fw-textarea", "rows": 3}),
        help_text=_("One per line, at most %(n)d.") % {"n": MAX_SUGGESTIONS},
    )

    class Meta:
        model = Agent
        fields = [
            "name",
            "description",
            "model",
            "instructions",
            "knowledge_bases",
            "opening",
            "suggested_questions",
            "temperature",
            "max_tokens",
            "history_window",
        ]
        widgets = {
            "name": forms.TextInput(attrs={"class": "fw-input"}),
            "description": forms.TextInput(attrs={"class": "fw-input"}),
            "model": forms.Select(attrs={"class": "fw-select"}),
            "instructions": forms.Textarea(attrs={"class": "fw-textarea agents-editor__instructions"}),
            "knowledge_bases": forms.CheckboxSelectMultiple(attrs={"class": "fw-checkbox"}),
            "opening": forms.Textarea(attrs={"class": "fw-textarea", "rows": 2}),
            "temperature": forms.NumberInput(attrs={"class": "fw-input", "step": "0.1", "min": 0, "max": 2}),
            "max_tokens": forms.NumberInput(attrs={"class": "fw-input", "min": 1}),
            "history_window": forms.NumberInput(attrs={"class": "fw-input", "min": 0, "max": 200}),
        }

    def __init__(self, *args: Any, workspace: Workspace, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = Model.objects.for_slot(workspace, "chat").visible_to(user).select_related("provider")
        bases = KnowledgeBase.objects.in_workspace(workspace).visible_to(user).order_by("name")
        model_field, base_field = self.fields["model"], self.fields["knowledge_bases"]
        if isinstance(model_field, forms.ModelChoiceField):
            model_field.queryset = models
            model_field.empty_label = _("Choose a model")
        if isinstance(base_field, forms.ModelMultipleChoiceField):
            base_field.queryset = bases
        if not self.instance._state.adding and not self.is_bound:
            self.initial["suggested_questions"] = "\n".join(self.instance.suggested_questions)
        if not self.instance.model_id and not self.is_bound:
            self.initial.setdefault("model", models.first())

    def clean_suggested_questions(self) -> list[str]:
        """Lines to a list."""
        lines = [line.strip() for line in self.cleaned_data["suggested_questions"].splitlines()]
        return [line for line in lines if line][:MAX_SUGGESTIONS]
