"""The page that shares one object with single people and groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError
from apps.core.models import User, WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet
from apps.core.services import share as share_service

ACTION_LABELS = {
    "view": _("View"),
    "change": _("Change"),
    "delete": _("Delete"),
    "chat": _("Chat"),
    "run": _("Run"),
    "annotate": _("Annotate"),
    "export": _("Export"),
    "share": _("Public page"),
}


class ShareForm(forms.Form):
    """Who gets what."""

    person = forms.ModelChoiceField(queryset=User.objects.none(), required=False)
    group = forms.ModelChoiceField(queryset=Group.objects.none(), required=False)
    actions = forms.MultipleChoiceField(required=False)

    def __init__(self, obj: WorkspaceModel, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = User.objects.filter(memberships__workspace=obj.workspace, is_active=True).order_by("email")
        groups = Group.objects.order_by("name")
        self.fields["person"].queryset = members  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["group"].queryset = groups  # type: ignore[attr-defined]  # same
        self.fields["actions"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (action, ACTION_LABELS.get(action, action))
            for action in share_service.shareable_actions(type(obj))
        ]

    def clean(self) -> dict[str, Any]:
        """Exactly one holder."""
        cleaned = super().clean() or {}
        if bool(cleaned.get("person")) == bool(cleaned.get("group")):
            raise forms.ValidationError(_("Choose a person or a group."))
        return cleaned


class SharePage(ConsolePage):
    """`share/<app.model>/<pk>/`: who was granted what on this object."""

    title = _("Share")
    template_name = "core/share.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Those whose role lets them change the object; others get "not found" unless they see it."""
        if not isinstance(request.user, User) or not share_service.may_share(request.user, self.shared):
            raise PermissionDenied

    @cached_property
    def shared(self) -> Any:
        """The object, if the person may see it in the current workspace."""
        try:
            model = apps.get_model(self.kwargs["label"])
        except (LookupError, ValueError):
            raise Http404 from None
        objects = model._default_manager.all()
        if not issubclass(model, WorkspaceModel) or not isinstance(objects, WorkspaceQuerySet):
            raise Http404
        found = (
            objects.in_workspace(self.workspace)
            .visible_to(self.request.user)
            .filter(pk=self.kwargs["pk"])
            .first()
        )
        if found is None:
            raise Http404
        return found

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Grants and the form."""
        return self._context(ShareForm(self.shared))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Replace one holder's grants."""
        form = ShareForm(self.shared, request.POST)
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        data = form.cleaned_data
        try:
            share_service.share(
                actor=self.actor,
                obj=self.shared,
                holder=data["person"] or data["group"],
                actions=data["actions"],
            )
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.path)
        messages.success(request, gettext("The share was changed."))
        return redirect(request.path)

    def _context(self, form: ShareForm) -> dict[str, Any]:
        shares = [
            (share, [ACTION_LABELS.get(action, action) for action in share.actions])
            for share in share_service.shares_of(self.shared)
        ]
        return {"shared": self.shared, "shared_url": self._change_url(), "shares": shares, "form": form}

    def _change_url(self) -> str:
        meta = self.shared._meta
        # a page of its own first, the form of the admin else
        for name in (f"{meta.app_label}_{meta.model_name}", f"{meta.app_label}_{meta.model_name}_change"):
            try:
                return reverse(f"admin:{name}", args=[self.shared.pk])
            except NoReverseMatch:
                continue
        return ""
