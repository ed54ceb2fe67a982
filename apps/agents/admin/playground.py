"""The playground: columns of messages and models side by side."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.agents.models import PlaygroundSession, Prompt, PromptVersion
from apps.agents.services.playground import column_of_version
from apps.agents.services.playground_import import can_import, import_observation
from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.ids import is_uuid
from apps.core.models import User
from apps.core.numbers import whole_number
from apps.providers.models import Model
from apps.tracing.selectors import find_observation, find_trace

SHOWN_SESSIONS = 50
SHOWN_PROMPTS = 500
PLACE = "00000000-0000-0000-0000-000000000000"


class PlaygroundPage(ConsolePage):
    """One session: the one of the address, a new one for a prompt's version, or the last."""

    title = gettext_lazy("Playground")
    template_name = "agents/playground.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Only for those who may try models."""
        self.request = request
        if not permissions.allows_in(request.user, "add", PlaygroundSession, self.workspace):
            raise PermissionDenied

    @property
    def user(self) -> User:
        """The person at the page."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """What the page's script begins with; nothing is stored before something is changed or run."""
        own = (
            PlaygroundSession.objects.in_workspace(self.workspace)
            .of_person(self.user)
            .order_by("-updated_at")
        )
        self.notice = ""
        session, state = self._opened(own)
        return {
            "notice": self.notice,
            "config": {
                "session": {"id": str(session.pk), "name": session.name} if session else None,
                "state": state,
                "sessions": [
                    {"id": str(pk), "name": name, "updated": updated.isoformat()}
                    for pk, name, updated in own.values_list("pk", "name", "updated_at")[:SHOWN_SESSIONS]
                ],
                "models": self._models(),
                "prompts": self._prompts(),
                "maySave": permissions.allows_in(self.user, "add", Prompt, self.workspace),
                "urls": {
                    "page": reverse("admin:agents_playground"),
                    "run": reverse("playground-run"),
                    "sessions": reverse("playgroundsession-list"),
                    "prompts": reverse("prompt-list"),
                    "prompt": reverse("admin:agents_prompt", args=[PLACE]).replace(PLACE, "__id__"),
                    "trace": reverse("admin:tracing_trace", args=["0" * 32]).replace("0" * 32, "__id__"),
                    "models": reverse("admin:providers_model_changelist"),
                },
            },
        }

    def _opened(self, own: Any) -> tuple[PlaygroundSession | None, dict[str, Any] | None]:
        """The session at hand, when there is one, and what stands in it; no state for an empty page."""
        query = self.request.GET
        if "prompt" in query:
            return None, self._from_prompt(query["prompt"], query.get("version", ""))
        if "trace" in query:
            return None, self._from_observation(query["trace"], query.get("span", ""))
        if "session" in query:
            return self._from_session(query["session"])
        last = None if "new" in query else own.first()
        return last, last.state if last else None

    def _from_session(self, pk: str) -> tuple[PlaygroundSession | None, dict[str, Any]]:
        sessions = PlaygroundSession.objects.in_workspace(self.workspace).visible_to(self.user)
        session = sessions.filter(pk=_uuid(pk)).first()
        if session is None:
            raise Http404
        # what somebody else tries is the beginning of a session of one's own
        return (session if session.user_id == self.user.pk else None), session.state

    def _from_observation(self, trace_id: str, span_id: str) -> dict[str, Any]:
        trace = find_trace(user=self.user, workspace=self.workspace, trace_id=trace_id)
        observation = find_observation(trace, span_id) if trace else None
        if observation is None or not can_import(observation):
            raise Http404
        found = import_observation(actor=self.actor, workspace=self.workspace, observation=observation)
        self.notice = found.notice
        return found.state

    def _from_prompt(self, pk: str, version_number: str) -> dict[str, Any]:
        versions = (
            PromptVersion.objects.in_workspace(self.workspace).visible_to(self.user).filter(prompt=_uuid(pk))
        )
        if (number := whole_number(version_number)) is not None:
            versions = versions.filter(number=number)
        version = versions.select_related("prompt", "workspace").order_by("-number").first()
        if version is None:
            raise Http404
        return {"columns": [column_of_version(self.actor, version)], "variables": {}, "placeholders": {}}

    def _models(self) -> list[dict[str, Any]]:
        models = (
            Model.objects.for_slot(self.workspace, "chat").visible_to(self.user).select_related("provider")
        )
        rows = list(models)
        names = Counter(model.name for model in rows)
        return [
            {
                "id": str(model.pk),
                "title": str(model),
                "provider": model.provider.name,
                # what a prompt's settings call it
                "reference": model.name if names[model.name] == 1 else f"{model.provider.name}/{model.name}",
            }
            for model in rows
        ]

    def _prompts(self) -> list[dict[str, Any]]:
        prompts = Prompt.objects.in_workspace(self.workspace).visible_to(self.user).order_by("name")
        return [
            {"name": name, "type": kind} for name, kind in prompts.values_list("name", "type")[:SHOWN_PROMPTS]
        ]


def _uuid(text: str) -> UUID:
    if not is_uuid(text):
        raise Http404(_("There is no such thing."))
    return UUID(text)
