"""Messages."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.agents.models.conversation import Conversation
from apps.agents.querysets import MessageQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


class MessageRole(models.TextChoices):
    """Who speaks."""

    USER = "user", _("Person")
    ASSISTANT = "assistant", _("Agent")


class MessageState(models.TextChoices):
    """How far an answer is. Questions are always completed."""

    PENDING = "pending", _("Waiting")
    STREAMING = "streaming", _("Being written")
    COMPLETED = "completed", _("Complete")
    STOPPED = "stopped", _("Stopped")
    INTERRUPTED = "interrupted", _("Interrupted")
    FAILED = "failed", _("Failed")

    @property
    def final(self) -> bool:
        """Whether the answer won't change any more."""
        return self not in {MessageState.PENDING, MessageState.STREAMING}


RUNNING_STATES = (MessageState.PENDING, MessageState.STREAMING)


class Message(WorkspaceModel):
    """A question or an answer.

    Messages form a tree: an answer's parent is its question, a question's parent the answer before it.
    Siblings are branches (regenerated answers, edited questions); exactly one of them is `active`, that is
    shown. An answer's token stream is kept in the run ledger under the message's id. While an answer is
    written its process renews `lease_until`; when that is over, the sweeper closes the message with what was
    said.
    """

    access = Access(add=Role.VIEWER)

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", verbose_name=_("conversation")
    )
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(_("role"), max_length=9, choices=MessageRole.choices)
    content = models.TextField(_("content"), blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True)
    state = models.CharField(
        _("state"), max_length=11, choices=MessageState.choices, default=MessageState.COMPLETED
    )
    error = models.TextField(_("error"), blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    citations = JSONField(_("citations"), default=list, blank=True)
    notices = JSONField(_("notices"), default=list, blank=True)
    active = models.BooleanField(_("shown"), default=True)
    trace_id = models.CharField(_("trace"), max_length=32, blank=True)
    model_name = models.CharField(_("model"), max_length=200, blank=True)
    input_tokens = models.PositiveIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveIntegerField(_("output tokens"), default=0)
    cost = models.DecimalField(_("cost"), max_digits=16, decimal_places=8, null=True, blank=True)
    latency_ms = models.PositiveIntegerField(_("latency"), null=True, blank=True)
    ttft_ms = models.PositiveIntegerField(_("time to first token"), null=True, blank=True)
    feedback = models.SmallIntegerField(_("feedback"), null=True, blank=True)
    feedback_comment = models.TextField(_("reason"), blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    stop_requested = models.BooleanField(default=False, editable=False)
    stream_kept = models.BooleanField(default=False, editable=False)
    #: Idempotency key of whoever wrote it, "" for none: the same write twice leaves one message.
    key = models.CharField(max_length=80, blank=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "parent"],
                condition=models.Q(active=True),
                nulls_distinct=False,
                name="agents_message_one_branch_shown",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state__in=RUNNING_STATES),
                name="agents_message_one_running",
            ),
            models.UniqueConstraint(
                fields=["conversation", "key"],
                condition=~models.Q(key=""),
                name="agents_message_once_per_key",
            ),
        ]
        indexes = [
            models.Index(fields=["conversation", "id"], name="agents_message_order"),
            models.Index(fields=["workspace", "-created_at"], name="agents_message_newest"),
            models.Index(
                fields=["lease_until"],
                name="agents_message_lease",
                condition=models.Q(state__in=RUNNING_STATES),
            ),
            models.Index(
                fields=["finished_at"], name="agents_message_streams", condition=models.Q(stream_kept=True)
            ),
            models.Index(fields=["trace_id"], name="agents_message_trace", condition=~models.Q(trace_id="")),
        ]

    def __str__(self) -> str:
        return self.content[:60] or self.get_state_display()

    @property
    def is_final(self) -> bool:
        """Whether the message won't change any more."""
        return MessageState(self.state).final
