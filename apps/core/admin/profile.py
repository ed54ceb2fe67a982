"""What people say about themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from apps.core.admin.language import remember
from apps.core.admin.pages import ConsolePage
from apps.core.models import Membership, User
from apps.core.services.user import change_profile


class ProfileForm(forms.Form):
    """Name and language."""

    name = forms.CharField(label=_("Name"), max_length=150, required=False)
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As in the browser")), *settings.LANGUAGES]
    )


class ProfilePage(ConsolePage):
    """The person's own account."""

    title = _("Your profile")
    template_name = "core/profile.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Open to everybody who is logged in, also without a workspace."""
        return View.dispatch(self, request, *args, **kwargs)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The form and the person's workspaces."""
        user = self.person
        form = ProfileForm(initial={"name": user.first_name, "language": user.language})
        return self._context(form)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Change name and language."""
        form = ProfileForm(request.POST)
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        language = form.cleaned_data["language"]
        change_profile(actor=self.actor, user=self.person, name=form.cleaned_data["name"], language=language)
        messages.success(request, gettext("Your profile was changed."))
        response = redirect(reverse("admin:core_profile"))
        if language:
            return remember(response, language)
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
        return response

    @property
    def person(self) -> User:
        """The person at the page."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101  # the site lets nobody else in
        return user

    def _context(self, form: ProfileForm) -> dict[str, Any]:
        memberships = (
            Membership.objects.filter(user=self.person)
            .select_related("workspace")
            .order_by("workspace__name")
        )
        return {"form": form, "memberships": memberships}
