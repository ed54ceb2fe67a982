"""Settings of a workflow: what it is called, how many run at once, secrets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.admin.sharing import ACTION_LABELS
from apps.core.exceptions import FlywheelError
from apps.core.services.share import shares_of
from apps.workflows.admin.base import WorkflowPage
from apps.workflows.admin.workflow import is_changed
from apps.workflows.models import Workflow
from apps.workflows.models.workflow import MAX_CONCURRENCY, MAX_KEPT_DAYS
from apps.workflows.services import workflow as service
from apps.workflows.services.document import secret_names

_CLEAR = "clear:"
_VALUE = "value:"


class WorkflowForm(forms.ModelForm[Workflow]):
    """What of a workflow is not in its document."""

    class Meta:
        model = Workflow
        fields = ["name", "description", "icon", "concurrency", "keep_runs_days"]
        widgets = {
            "name": forms.TextInput(attrs={"class": "fw-input"}),
            "description": forms.Textarea(attrs={"class": "fw-textarea", "rows": 3}),
            "icon": forms.TextInput(attrs={"class": "fw-input", "spellcheck": "false"}),
            "concurrency": forms.NumberInput(attrs={"class": "fw-input", "min": 1, "max": MAX_CONCURRENCY}),
            "keep_runs_days": forms.NumberInput(attrs={"class": "fw-input", "min": 1, "max": MAX_KEPT_DAYS}),
        }
        help_texts = {
            "icon": gettext_lazy("Name of a Material symbol, such as account_tree or support_agent."),
        }


class SettingsPage(WorkflowPage):
    """General settings, limits, variables and secrets."""

    template_name = "workflows/settings.html"
    tab = "settings"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The form and what the document declares."""
        return self._context(WorkflowForm(instance=self.workflow))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Save the form, or the secrets."""
        try:
            if request.POST.get("act") == "secrets":
                service.set_secrets(actor=self.actor, workflow=self.workflow, values=_secrets(request))
            else:
                # the form writes into its instance: give it one of its own
                form = WorkflowForm(request.POST, instance=Workflow.objects.get(pk=self.workflow.pk))
                if not form.is_valid():
                    return self.render(self._context(form), status=422)
                service.update_workflow(
                    actor=self.actor, workflow=self.workflow, changes=dict(form.cleaned_data)
                )
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.path)
        messages.success(request, _("Saved."))
        return redirect(request.path)

    def _context(self, form: WorkflowForm) -> dict[str, Any]:
        draft = self.workflow.draft
        published = self.workflow.published.document if self.workflow.published else {}
        names = dict.fromkeys([*secret_names(draft), *secret_names(published), *self.workflow.secrets])
        variables = draft.get("variables") or {}
        return {
            "form": form,
            "changed": is_changed(self.workflow),
            "secrets": [{"name": name, "set": bool(self.workflow.secrets.get(name))} for name in names],
            "env_variables": [v for v in variables.get("environment") or [] if v.get("type") != "secret"],
            "conversation_variables": variables.get("conversation") or [],
            "shares": self._shares() if self.may_in("change") else [],
            "limits": sorted((draft.get("limits") or {}).items()),
        }

    def _shares(self) -> list[tuple[str, list[Any]]]:
        """Who was given more than their role allows, and what."""
        return [
            (str(share.holder), [ACTION_LABELS.get(action, action) for action in share.actions])
            for share in shares_of(self.workflow)
        ]


def _secrets(request: HttpRequest) -> dict[str, str | None]:
    """Secrets that were typed in, and None for those to be forgotten; an empty field keeps what there is."""
    values: dict[str, str | None] = {
        key.removeprefix(_VALUE): str(value)
        for key, value in request.POST.items()
        if key.startswith(_VALUE) and value
    }
    values |= {key.removeprefix(_CLEAR): None for key in request.POST if key.startswith(_CLEAR)}
    return values
