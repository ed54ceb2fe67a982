"""Agents and their chats in the console."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.agents.admin.forms import AgentForm
from apps.agents.models import Agent
from apps.agents.payloads import conversation_payload
from apps.agents.selectors import agent_cards, get_agent, own_conversation, own_conversations, shown_messages
from apps.agents.services.agent import create_agent, disable_sharing, enable_sharing, update_agent
from apps.core import permissions
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError, NotFound
from apps.core.models import User

PLACE = "00000000-0000-0000-0000-000000000000"


class _AgentPage(ConsolePage):
    """A page about one agent."""

    action = "view"

    @property
    def user(self) -> User:
        """The person at the page."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def may(self, action: str, agent: Agent | None = None) -> bool:
        """Whether the person may do `action` on the agent, or on agents here."""
        if agent is not None:
            return permissions.allows(self.user, action, agent)
        return permissions.allows_in(self.user, action, Agent, self.workspace)

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """The agent has to exist for the person."""
        self.request = request
        if "pk" in kwargs:
            try:
                self.agent = get_agent(self.workspace, self.user, kwargs["pk"], self.action)
            except NotFound:
                raise Http404 from None


class AgentListPage(_AgentPage):
    """All agents as cards."""

    title = gettext_lazy("Agents")
    template_name = "agents/agent_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The cards."""
        return {
            "agents": list(agent_cards(self.workspace, self.user)),
            "may_add": self.may("add"),
            "may_change": self.may("change"),
        }


class AgentEditPage(_AgentPage):
    """The form on the left, a live preview on the right."""

    template_name = "agents/agent_edit.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Form and preview."""
        return self._context(self._form(instance=self.agent))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Save, or switch the public page."""
        try:
            if request.POST.get("share"):
                switch = enable_sharing if request.POST["share"] == "on" else disable_sharing
                switch(actor=self.actor, agent=self.agent)
                return redirect(request.path)
            return self._save(request)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.path)

    def _save(self, request: HttpRequest) -> HttpResponseBase:
        instance = Agent.objects.get(pk=self.agent.pk)
        form = self._form(request.POST, instance=instance)
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        values = dict(form.cleaned_data)
        bases = values.pop("knowledge_bases")
        update_agent(actor=self.actor, agent=self.agent, changes=values, knowledge_bases=bases)
        messages.success(request, _("Saved."))
        return redirect(request.path)

    def _form(self, *args: Any, **kwargs: Any) -> AgentForm:
        return AgentForm(*args, workspace=self.workspace, user=self.user, **kwargs)

    def _context(self, form: AgentForm) -> dict[str, Any]:
        agent = self.agent
        share_path = reverse("agents_share", args=[agent.share_token]) if agent.share_enabled else ""
        return {
            "title": agent.name,
            "agent": agent,
            "form": form,
            "may_change": self.may("change", agent),
            "may_delete": self.may("delete", agent),
            "share_url": self.request.build_absolute_uri(share_path) if share_path else "",
            "config": {
                **chat_config(agent),
                "messages": [],
                "autofocus": False,
                "listUrl": reverse("admin:agents_agents"),
                "hint": _("The preview answers with what was saved last."),
            },
        }


class AgentNewPage(_AgentPage):
    """The form alone."""

    title = gettext_lazy("New agent")
    template_name = "agents/agent_edit.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Only for those who may add agents."""
        self.request = request
        if not self.may("add"):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """An empty form."""
        return {
            "form": AgentForm(workspace=self.workspace, user=self.user),
            "may_change": True,
            "agent": None,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Create, then go to the editor."""
        form = AgentForm(request.POST, workspace=self.workspace, user=self.user)
        if not form.is_valid():
            return self.render({"form": form, "may_change": True, "agent": None}, status=422)
        values = dict(form.cleaned_data)
        try:
            agent = create_agent(actor=self.actor, workspace=self.workspace, **values)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect(request.path)
        return redirect("admin:agents_agent_edit", pk=agent.pk)


class ChatPage(_AgentPage):
    """A chat with the person's own conversations beside it."""

    template_name = "agents/chat.html"
    action = "chat"

    def get_page_context(
        self, request: HttpRequest, conversation: UUID | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The conversation's messages and the history."""
        opened = None
        if conversation is not None:
            try:
                opened = own_conversation(self.user, conversation)
            except NotFound:
                raise Http404 from None
            if opened.agent_id != self.agent.pk:
                raise Http404
        history = own_conversations(self.user, self.agent)
        return {
            "title": self.agent.name,
            "agent": self.agent,
            "may_change": self.may("change", self.agent),
            "config": {
                **chat_config(self.agent),
                "conversation": str(opened.pk) if opened else None,
                "messages": shown_messages(opened) if opened else [],
                "conversations": [conversation_payload(item) for item in history],
            },
        }


def chat_config(agent: Agent) -> dict[str, Any]:
    """What the chat's script needs to know, apart from messages."""
    return {
        "agent": {
            "id": str(agent.pk),
            "name": agent.name,
            "description": agent.description,
            "opening": agent.opening,
            "suggested_questions": agent.suggested_questions,
            "ready": agent.model_id is not None,
        },
        **link_places(),
    }


def link_places() -> dict[str, str]:
    """Addresses with `__id__` where an id goes."""
    return {
        "traceUrl": reverse("admin:tracing_trace", args=["0" * 32]).replace("0" * 32, "__id__"),
        "chunkUrl": reverse("admin:knowledge_chunk", args=[PLACE]).replace(PLACE, "__id__"),
    }
