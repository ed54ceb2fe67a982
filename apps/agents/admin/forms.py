"""The agent's form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.agents.models import Agent, Prompt
from apps.agents.models.agent import MAX_SUGGESTIONS
from apps.agents.models.prompt import DEFAULT_LABEL
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

    prompt_variables = forms.CharField(
        label=_("Values of the variables"),
        required=False,
        widget=forms.Textarea(
            attrs={"class": "fw-textarea fw-mono", "rows": 3, "placeholder": "tone = kind"}
        ),
        help_text=_("One “name = value” per line. A conversation may bring values of its own."),
    )

    class Meta:
        model = Agent
        fields = [
            "name",
            "description",
            "model",
            "instructions",
            "prompt",
            "prompt_label",
            "prompt_version",
            "prompt_variables",
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
            "prompt": forms.Select(attrs={"class": "fw-select"}),
            "prompt_label": forms.TextInput(
                attrs={"class": "fw-input fw-mono", "placeholder": DEFAULT_LABEL}
            ),
            "prompt_version": forms.NumberInput(attrs={"class": "fw-input", "min": 1}),
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
        prompt_field = self.fields["prompt"]
        if isinstance(prompt_field, forms.ModelChoiceField):
            prompt_field.queryset = Prompt.objects.in_workspace(workspace).visible_to(user).order_by("name")
            prompt_field.empty_label = _("None")
        if isinstance(model_field, forms.ModelChoiceField):
            model_field.queryset = models
            model_field.empty_label = _("Choose a model")
        if isinstance(base_field, forms.ModelMultipleChoiceField):
            base_field.queryset = bases
        if not self.instance._state.adding and not self.is_bound:
            self.initial["suggested_questions"] = "\n".join(self.instance.suggested_questions)
            self.initial["prompt_variables"] = shown_variables(self.instance.prompt_variables)
        if not self.instance.model_id and not self.is_bound:
            self.initial.setdefault("model", models.first())

    def clean(self) -> dict[str, Any]:
        """The prompt needs the chosen version, or one with the label."""
        values = super().clean() or self.cleaned_data
        prompt, number = values.get("prompt"), values.get("prompt_version")
        label = values.get("prompt_label") or DEFAULT_LABEL
        if prompt is not None and not prompt.versions.pointed_at(version=number, label=label).exists():
            field = "prompt_label" if number is None else "prompt_version"
            self.add_error(field, _("The prompt has no such version."))
        return values

    def clean_prompt_variables(self) -> dict[str, str]:
        """Lines to values; a line without “=” goes on with the value before it."""
        return read_variables(self.cleaned_data["prompt_variables"])

    def clean_suggested_questions(self) -> list[str]:
        """Lines to a list."""
        lines = [line.strip() for line in self.cleaned_data["suggested_questions"].splitlines()]
        return [line for line in lines if line][:MAX_SUGGESTIONS]


_ASSIGNMENT = re.compile(r"\s*([^\W\d][\w.-]{0,199})\s*=\s?(.*)")


def read_variables(text: str) -> dict[str, str]:
    """Values of `name = value` lines; other lines go on with the value before them."""
    values: dict[str, str] = {}
    name = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _ASSIGNMENT.fullmatch(line)
        if found:
            name = found[1]
            values[name] = found[2]
        elif name:
            values[name] += f"\n{line}"
    return {name: value.rstrip() for name, value in values.items()}


def shown_variables(values: Mapping[str, str]) -> str:
    """Values as lines."""
    return "\n".join(f"{name} = {value}" for name, value in values.items())
