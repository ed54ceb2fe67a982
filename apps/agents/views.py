"""The public page of a shared agent and the requests it makes. No account, no console, nothing internal."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import orjson
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from apps.agents.models import Agent, Conversation
from apps.agents.payloads import conversation_payload, public_payload
from apps.agents.selectors import (
    message_of,
    shared_agent,
    shown_messages,
    visitor_conversation,
    visitor_conversations,
)
from apps.agents.services.conversation import delete_conversation, rename_conversation
from apps.agents.services.feedback import give_feedback
from apps.agents.services.turn import show_branch
from apps.agents.services.visitor import visitor_actor
from apps.agents.visitors import new_visitor, remember, visitor_of
from apps.core.api.problems import problem_response
from apps.core.exceptions import FlywheelError, Invalid, NotFound

_MAX_BODY: Final = 10_000


class SharePage(View):
    """`/share/<token>/`: the chat."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The page; a first visit gets a cookie that tells visitors apart."""
        try:
            agent = shared_agent(token)
        except NotFound:
            raise Http404 from None
        visitor = visitor_of(request.COOKIES)
        config = _page_config(agent, token, visitor, request.GET.get("c"))
        response = render(request, "agents/share.html", {"agent": agent, "config": config})
        if visitor is None:
            remember(request, response, new_visitor())
        return response


class _VisitorView(View):
    """A request of the page's script: JSON in and out, errors as problem documents."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find agent, visitor and conversation; a stranger finds nothing."""
        try:
            self.visitor = visitor_of(request.COOKIES) or ""
            agent = shared_agent(kwargs["token"])
            self.conversation: Conversation = visitor_conversation(agent, self.visitor, kwargs["pk"])
            return super().dispatch(request, *args, **kwargs)
        except FlywheelError as error:
            return problem_response(error)

    def body(self) -> dict[str, Any]:
        """The request's JSON object; raises Invalid."""
        try:
            body = orjson.loads(self.request.body[:_MAX_BODY])
        except orjson.JSONDecodeError:
            raise Invalid("Send a JSON object.") from None
        if not isinstance(body, dict):
            raise Invalid("Send a JSON object.")
        return body

    def message_id(self, body: dict[str, Any]) -> UUID:
        """The message the body names; raises NotFound."""
        try:
            return UUID(str(body.get("message")))
        except ValueError:
            raise NotFound from None


class SharedConversation(_VisitorView):
    """`/share/<token>/conversations/<id>/`."""

    def get(self, request: HttpRequest, **kwargs: Any) -> JsonResponse:
        """The shown messages."""
        return JsonResponse({"messages": [public_payload(m) for m in shown_messages(self.conversation)]})

    def patch(self, request: HttpRequest, **kwargs: Any) -> JsonResponse:
        """Rename."""
        renamed = rename_conversation(
            actor=visitor_actor(self.visitor),
            conversation=self.conversation,
            title=str(self.body().get("title") or ""),
        )
        return JsonResponse(conversation_payload(renamed))

    def delete(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Delete."""
        delete_conversation(actor=visitor_actor(self.visitor), conversation=self.conversation)
        return HttpResponse(status=204)


class SharedBranch(_VisitorView):
    """`/share/<token>/conversations/<id>/show/`."""

    def post(self, request: HttpRequest, **kwargs: Any) -> JsonResponse:
        """Show another version of a message."""
        message = message_of(self.conversation, self.message_id(self.body()))
        show_branch(actor=visitor_actor(self.visitor), message=message)
        return JsonResponse({})


class SharedFeedback(_VisitorView):
    """`/share/<token>/conversations/<id>/feedback/`."""

    def post(self, request: HttpRequest, **kwargs: Any) -> JsonResponse:
        """A thumb."""
        body = self.body()
        value = body.get("value")
        if value not in {0, 1, None} or isinstance(value, bool):
            raise Invalid("value is 1, 0 or null.")
        message = message_of(self.conversation, self.message_id(body))
        judged = give_feedback(
            actor=visitor_actor(self.visitor),
            message=message,
            value=value,
            comment=str(body.get("comment") or ""),
        )
        return JsonResponse({"feedback": judged.feedback})


def _page_config(agent: Agent, token: str, visitor: str | None, chosen: str | None) -> dict[str, Any]:
    conversations = visitor_conversations(agent, visitor) if visitor else []
    opened = next((c for c in conversations if str(c.pk) == chosen), None)
    return {
        "token": token,
        "agent": {
            "name": agent.name,
            "description": agent.description,
            "opening": agent.opening,
            "suggested_questions": agent.suggested_questions,
        },
        "conversation": str(opened.pk) if opened else None,
        "messages": [public_payload(m) for m in shown_messages(opened)] if opened else [],
        "conversations": [conversation_payload(item) for item in conversations],
    }
