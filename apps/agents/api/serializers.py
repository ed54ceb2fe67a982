"""Shapes of agents, conversations and messages in the API. Input and output apart."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.agents.models import Agent, Conversation, MessageRole, MessageState, Prompt
from apps.agents.models.agent import MAX_SUGGESTIONS
from apps.agents.services.turn import MAX_QUESTION_CHARS
from apps.core.querysets import WorkspaceQuerySet
from apps.knowledge.models import KnowledgeBase
from apps.providers.models import Model


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent, as read."""

    share_path = serializers.SerializerMethodField(
        help_text=_("Path of the public page; empty when it is off.")
    )
    suggested_questions = serializers.ListField(child=serializers.CharField())
    retrieval = serializers.DictField(child=serializers.JSONField())
    prompt_variables = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Agent
        fields = [
            "id",
            "name",
            "description",
            "instructions",
            "prompt",
            "prompt_label",
            "prompt_version",
            "prompt_variables",
            "model",
            "knowledge_bases",
            "retrieval",
            "temperature",
            "max_tokens",
            "history_window",
            "opening",
            "suggested_questions",
            "share_enabled",
            "share_path",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_share_path(self, agent: Agent) -> str:
        """The public page's path."""
        return f"/share/{agent.share_token}/" if agent.share_enabled else ""


class _OfWorkspace(serializers.PrimaryKeyRelatedField[Any]):
    """A reference to an object of the caller's workspace that they may see."""

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        request = self.context.get("request")
        workspace = getattr(request, "workspace", None)
        if not isinstance(queryset, WorkspaceQuerySet) or not workspace or request is None:
            return None if queryset is None else queryset.none()
        return queryset.in_workspace(workspace).visible_to(request.user)


class AgentInputSerializer(serializers.Serializer[Agent]):
    """An agent, as written."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=400, required=False, allow_blank=True)
    instructions = serializers.CharField(max_length=100_000, required=False, allow_blank=True)
    prompt = _OfWorkspace(queryset=Prompt.objects.all(), required=False, allow_null=True)
    prompt_label = serializers.CharField(
        max_length=36, required=False, allow_blank=True, help_text=_("Empty means production.")
    )
    prompt_version = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        allow_null=True,
        help_text=_("One version for good, instead of a label."),
    )
    prompt_variables = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=_("Values of the prompt's variables, where a conversation brings none of its own."),
    )
    model = _OfWorkspace(queryset=Model.objects.filter(slot="chat"), required=False, allow_null=True)
    knowledge_bases = _OfWorkspace(queryset=KnowledgeBase.objects.all(), many=True, required=False)
    retrieval = serializers.DictField(child=serializers.JSONField(), required=False)
    temperature = serializers.FloatField(min_value=0, max_value=2, required=False, allow_null=True)
    max_tokens = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, allow_null=True)
    history_window = serializers.IntegerField(min_value=0, max_value=200, required=False)
    opening = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    suggested_questions = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MAX_SUGGESTIONS, required=False
    )


class CitationSerializer(serializers.Serializer[dict[str, Any]]):
    """A passage behind an answer."""

    n = serializers.IntegerField(help_text=_("The number of its marks in the answer: [n]."))
    chunk_id = serializers.CharField()
    document_id = serializers.CharField()
    document_name = serializers.CharField()
    position = serializers.IntegerField()
    score = serializers.FloatField()
    text = serializers.CharField()
    cited = serializers.BooleanField(help_text=_("False: a source the answer doesn't mark."))


class MessageSerializer(serializers.Serializer[dict[str, Any]]):
    """A question or an answer."""

    id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    parent_id = serializers.UUIDField(allow_null=True)
    role = serializers.ChoiceField(choices=MessageRole.choices)
    content = serializers.CharField()
    reasoning = serializers.CharField()
    state = serializers.ChoiceField(choices=MessageState.choices)
    error = serializers.CharField()
    citations = CitationSerializer(many=True)
    notices = serializers.ListField(child=serializers.CharField())
    trace_id = serializers.CharField()
    model = serializers.CharField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.CharField(allow_null=True, help_text=_("US dollars."))
    latency_ms = serializers.IntegerField(allow_null=True)
    ttft_ms = serializers.IntegerField(allow_null=True, help_text=_("Time to the first token."))
    feedback = serializers.IntegerField(allow_null=True, help_text=_("1 thumb up, 0 thumb down."))
    feedback_comment = serializers.CharField()
    created_at = serializers.DateTimeField()
    siblings = serializers.ListField(
        child=serializers.UUIDField(),
        help_text=_("The branches at this place, oldest first, itself included."),
    )


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    """A conversation without its messages."""

    class Meta:
        model = Conversation
        fields = [
            "id",
            "agent",
            "workflow_id",
            "workflow_name",
            "user",
            "external_user",
            "title",
            "source",
            "message_count",
            "last_message_at",
            "last_state",
            "likes",
            "dislikes",
            "created_at",
        ]
        read_only_fields = fields


class ConversationInputSerializer(serializers.Serializer[Conversation]):
    """A conversation to open."""

    agent = _OfWorkspace(queryset=Agent.objects.all())
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    external_user = serializers.CharField(
        max_length=128, required=False, allow_blank=True, help_text=_("Whom your program speaks for.")
    )
    inputs = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=_("Values of the variables in the agent's prompt."),
    )


class ConversationChangeSerializer(serializers.Serializer[Conversation]):
    """A conversation's new title."""

    title = serializers.CharField(max_length=200)


class ChatInputSerializer(serializers.Serializer[dict[str, Any]]):
    """A question."""

    query = serializers.CharField(max_length=MAX_QUESTION_CHARS)
    conversation_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text=_("Goes on with a conversation; without it a new one is opened."),
    )
    inputs = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=_("Values of the variables in the agent's prompt; only with a new conversation."),
    )
    stream = serializers.BooleanField(
        default=False, help_text=_("True: server-sent events instead of one JSON.")
    )
    user = serializers.CharField(
        max_length=128, required=False, allow_blank=True, help_text=_("Whom your program speaks for.")
    )


class RegenerateInputSerializer(serializers.Serializer[dict[str, Any]]):
    """How to send the new answer."""

    stream = serializers.BooleanField(default=False)


class ChatOutputSerializer(serializers.Serializer[dict[str, Any]]):
    """A complete answer."""

    conversation_id = serializers.UUIDField()
    answer = serializers.CharField()
    message = MessageSerializer()


class FeedbackInputSerializer(serializers.Serializer[dict[str, Any]]):
    """What somebody thinks of an answer."""

    value = serializers.ChoiceField(
        choices=[0, 1], allow_null=True, help_text=_("1 up, 0 down, null takes it back.")
    )
    comment = serializers.CharField(max_length=2_000, required=False, allow_blank=True)
