"""REST endpoints of agents: parse, call a service, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.api.async_view import AsyncAPIView
from apps.agents.api.filters import ConversationFilter
from apps.agents.api.serializers import (
    AgentInputSerializer,
    AgentSerializer,
    ChatInputSerializer,
    ChatOutputSerializer,
    ConversationChangeSerializer,
    ConversationInputSerializer,
    ConversationSerializer,
    FeedbackInputSerializer,
    MessageSerializer,
    RegenerateInputSerializer,
)
from apps.agents.api.sse import closed_response, event_response, last_event_id
from apps.agents.models import Agent, Conversation, Message, Source
from apps.agents.payloads import message_payload
from apps.agents.selectors import get_agent, own_conversation, shown_messages
from apps.agents.services import answer
from apps.agents.services.agent import (
    create_agent,
    delete_agent,
    disable_sharing,
    enable_sharing,
    update_agent,
)
from apps.agents.services.conversation import delete_conversation, rename_conversation, start_conversation
from apps.agents.services.feedback import give_feedback
from apps.agents.services.turn import RunInput, show_branch
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.api.viewsets import WorkspaceScoped, WorkspaceViewSet
from apps.core.exceptions import NotFound
from apps.core.models.api_key import Scope

_CHAT = {"POST": Scope.CHAT}
_EVENTS = {
    (200, "text/event-stream"): OpenApiResponse(
        OpenApiTypes.STR,
        description="Server-sent events; `id` is the sequence number to resume after. "
        "See docs/how-to/chat-over-the-api.md.",
    )
}
_RESUME = [
    OpenApiParameter(
        "Last-Event-ID", OpenApiTypes.INT, OpenApiParameter.HEADER, description="Go on after this event."
    ),
    OpenApiParameter(
        "after_seq",
        OpenApiTypes.INT,
        OpenApiParameter.QUERY,
        description="The same, for clients without headers.",
    ),
]


class AgentViewSet(WorkspaceViewSet[Agent]):
    """Agents of the workspace."""

    queryset = Agent.objects.prefetch_related("knowledge_bases")
    serializer_class = AgentSerializer
    input_serializer_class = AgentInputSerializer

    @extend_schema(request=AgentInputSerializer, responses={201: AgentSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create an agent."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=AgentInputSerializer, responses=AgentSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the given fields of an agent."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Agent:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return create_agent(actor=self.actor, workspace=self.workspace, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> Agent:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        changes = dict(serializer.validated_data)
        bases = changes.pop("knowledge_bases", None)
        return update_agent(
            actor=self.actor, agent=serializer.instance, changes=changes, knowledge_bases=bases
        )

    def perform_destroy(self, instance: Agent) -> None:
        """Call the service."""
        delete_agent(actor=self.actor, agent=instance)

    @extend_schema(request=None, responses=AgentSerializer)
    @action(detail=True, methods=["post"])
    def share(self, request: Request, **kwargs: Any) -> Response:
        """Switch the public page on, under a new address."""
        return self.render(enable_sharing(actor=self.actor, agent=self.get_object()))

    @extend_schema(request=None, responses=AgentSerializer)
    @action(detail=True, methods=["post"])
    def unshare(self, request: Request, **kwargs: Any) -> Response:
        """Switch the public page off for good; its address is never used again."""
        return self.render(disable_sharing(actor=self.actor, agent=self.get_object()))


class ConversationViewSet(WorkspaceViewSet[Conversation]):
    """Conversations of the workspace."""

    queryset = Conversation.objects.all()
    serializer_class = ConversationSerializer
    input_serializer_class = ConversationInputSerializer
    filterset_class = ConversationFilter
    required_scopes = _CHAT

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """A change only takes a title."""
        if self.request.method == "PATCH":
            return ConversationChangeSerializer(*args, **kwargs, context=self.get_serializer_context())
        return super().get_input_serializer(*args, **kwargs)

    @extend_schema(request=ConversationInputSerializer, responses={201: ConversationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Open an empty conversation with an agent."""
        return super().create(request, *args, **kwargs)

    @extend_schema(request=ConversationChangeSerializer, responses=ConversationSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rename a conversation."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Conversation:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return start_conversation(actor=self.actor, source=_source(self.request), **serializer.validated_data)

    def perform_update(self, serializer: Any) -> Conversation:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        title = serializer.validated_data.get("title", serializer.instance.title)
        return rename_conversation(actor=self.actor, conversation=serializer.instance, title=title)

    def perform_destroy(self, instance: Conversation) -> None:
        """Call the service."""
        delete_conversation(actor=self.actor, conversation=instance)

    @extend_schema(responses=MessageSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def messages(self, request: Request, **kwargs: Any) -> Response:
        """The messages of the shown path, oldest first."""
        return Response(shown_messages(self.get_object()))


@extend_schema_view(retrieve=extend_schema(responses=MessageSerializer))
class MessageViewSet(WorkspaceScoped[Message], mixins.RetrieveModelMixin, viewsets.GenericViewSet[Message]):
    """Questions and answers."""

    queryset = Message.objects.select_related("conversation__agent", "conversation__workspace")
    serializer_class: Any = MessageSerializer  # renders payloads, not rows
    required_scopes = _CHAT

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One message."""
        return self._shown(self.get_object())

    @extend_schema(request=None, responses=MessageSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, **kwargs: Any) -> Response:
        """End an answer with what has been said; its stream closes with `run.stopped`."""
        message = self.get_object()
        answer.stop_answer(actor=self.actor, message=message)
        return self._shown(message)

    @extend_schema(request=None, responses=MessageSerializer)
    @action(detail=True, methods=["post"])
    def show(self, request: Request, **kwargs: Any) -> Response:
        """Show this branch instead of its siblings."""
        message = self.get_object()
        show_branch(actor=self.actor, message=message)
        return self._shown(message)

    @extend_schema(request=FeedbackInputSerializer, responses=MessageSerializer)
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, **kwargs: Any) -> Response:
        """Say what somebody thinks of an answer; may be changed and taken back."""
        message = self.get_object()
        given = FeedbackInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        message = give_feedback(
            actor=self.actor, message=message, value=data["value"], comment=data.get("comment", "")
        )
        return self._shown(message)

    def _shown(self, message: Message) -> Response:
        siblings = Message.objects.filter(
            conversation_id=message.conversation_id, parent_id=message.parent_id
        ).in_order()
        return Response(message_payload(message, [str(pk) for pk in siblings.values_list("pk", flat=True)]))


class ChatView(AsyncAPIView):
    """Ask an agent."""

    required_scopes = _CHAT

    @extend_schema(
        request=ChatInputSerializer, responses={(200, "application/json"): ChatOutputSerializer, **_EVENTS}
    )
    async def post(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Ask an agent and get its answer, as one JSON or as server-sent events.

        The answer is written to its end even when the client goes away.
        """
        actor = Actor.from_request(request)
        await in_thread(get_agent, request.workspace, request.user, pk)  # type: ignore[attr-defined, arg-type]  # as below
        given = ChatInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        conversation = await in_thread(_conversation, request, actor, pk, data)
        run = await answer.begin(actor=actor, conversation_id=conversation.pk, text=data["query"])
        return await _answered(run, stream=data["stream"])


class RegenerateView(AsyncAPIView):
    """Ask again."""

    required_scopes = _CHAT

    @extend_schema(
        request=RegenerateInputSerializer,
        responses={(200, "application/json"): ChatOutputSerializer, **_EVENTS},
    )
    async def post(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Get another answer to the same question; the old one stays as a branch."""
        given = RegenerateInputSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        message = await in_thread(_visible_message, request, pk)
        run = await answer.regenerate(actor=Actor.from_request(request), answer_id=message.pk)
        return await _answered(run, stream=given.validated_data["stream"])


class MessageStreamView(AsyncAPIView):
    """Follow an answer."""

    @extend_schema(parameters=_RESUME, responses=_EVENTS)
    async def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Follow an answer from any of its events on; ends with it."""
        after = last_event_id(request)
        message = await in_thread(_visible_message, request, pk)
        if message.is_final and not message.stream_kept:
            return closed_response(f"run.{message.state}", {"message": message_payload(message)})
        return event_response(None, message.pk, after)


async def _answered(run: RunInput, *, stream: bool) -> HttpResponseBase:
    if stream:
        first = {
            "conversation_id": str(run.answer.conversation_id),
            "message_id": str(run.answer.pk),
            "question_id": str(run.question.pk),
        }
        return event_response(first, run.answer.pk, 0)
    message = await answer.wait_for(run.answer)
    return Response(
        {
            "conversation_id": str(message.conversation_id),
            "answer": message.content,
            "message": message_payload(message),
        }
    )


def _conversation(request: Request, actor: Actor, agent_id: UUID, data: dict[str, Any]) -> Conversation:
    agent = get_agent(request.workspace, request.user, agent_id)  # type: ignore[attr-defined, arg-type]  # set by middleware; signed in
    if data.get("conversation_id"):
        conversation = own_conversation(request.user, data["conversation_id"])  # type: ignore[arg-type]  # signed in
        if conversation.agent_id != agent.pk or conversation.external_user != data.get(
            "user", conversation.external_user
        ):
            raise NotFound
        return conversation
    return start_conversation(
        actor=actor,
        agent=agent,
        source=_source(request),
        external_user=data.get("user", ""),
        inputs=data.get("inputs"),
    )


def _visible_message(request: Request, pk: UUID) -> Message:
    messages = Message.objects.in_workspace(request.workspace).visible_to(request.user)  # type: ignore[attr-defined]  # WorkspaceMiddleware
    message = messages.filter(pk=pk).select_related("conversation").first()
    if message is None:
        raise NotFound
    return message


def _source(request: Request) -> Source:
    return Source.API if request.auth is not None else Source.CONSOLE
