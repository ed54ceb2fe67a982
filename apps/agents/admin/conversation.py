"""Conversations in the console: who talked to which agent, and how it went."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from apps.agents.admin.pages import link_places
from apps.agents.models import Agent, Conversation, MessageState
from apps.agents.selectors import shown_messages
from apps.core.admin.base import ReadOnlyAdmin

_TONES = {
    MessageState.COMPLETED: "ok",
    MessageState.FAILED: "error",
    MessageState.INTERRUPTED: "warn",
    MessageState.STOPPED: "muted",
    MessageState.PENDING: "info",
    MessageState.STREAMING: "info",
}


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts up to a limit: counting a big table costs more than showing a page of it."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `limit`."""
        rows: models.QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin passes querysets
        return rows.order_by()[: self.limit].count()


class AgentFilter(admin.SimpleListFilter):
    """One agent; the choices come from the agents, not from the conversations."""

    title = _("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Agents of the workspace."""
        agents = Agent.objects.in_workspace(request.workspace).visible_to(request.user)  # type: ignore[attr-defined]  # WorkspaceMiddleware
        return [(str(pk), name) for pk, name in agents.order_by("name").values_list("pk", "name")[:100]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the agent's conversations."""
        chosen = {value for value, _name in self.lookup_choices}
        return queryset.filter(agent_id=self.value()) if self.value() in chosen else queryset


class FeedbackFilter(admin.SimpleListFilter):
    """Thumbs."""

    title = _("feedback")
    parameter_name = "feedback"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Up, down, none."""
        return [("up", _("Thumbs up")), ("down", _("Thumbs down")), ("none", _("None"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep what has such a thumb."""
        return queryset.with_feedback(self.value() or "")


class StateFilter(admin.SimpleListFilter):
    """State of the last answer."""

    title = _("last answer")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """All states."""
        return list(MessageState.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep conversations whose last answer is in the state."""
        return queryset.filter(last_state=self.value()) if self.value() in MessageState.values else queryset


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin[Conversation]):
    """List with filters; the detail page is the transcript."""

    list_display = ["show_title", "show_agent", "show_person", "source", "message_count", "show_state",
                    "show_feedback", "show_last"]  # fmt: skip
    list_display_links = ["show_title"]
    list_filter = [AgentFilter, "source", StateFilter, FeedbackFilter]
    list_filter_submit = False
    list_select_related = ["agent", "user"]
    search_fields = ["title", "external_user"]
    search_help_text = _("Title or external person")
    ordering = ["-last_message_at", "-id"]
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Conversation]:
        """Conversations in which something was said."""
        return super().get_queryset(request).filter(message_count__gt=0)

    @admin.display(description=_("conversation"))
    def show_title(self, conversation: Conversation) -> str:
        """The title, cut so that the row fits a laptop's width."""
        return Truncator(str(conversation)).chars(44)

    @admin.display(description=_("agent"))
    def show_agent(self, conversation: Conversation) -> str:
        """The agent's name, or the workflow's."""
        return conversation.counterpart

    @admin.display(description=_("person"))
    def show_person(self, conversation: Conversation) -> str:
        """Who spoke."""
        person = conversation.person
        return person if len(person) <= 24 else f"{person[:23]}…"

    @admin.display(description=_("last answer"))
    def show_state(self, conversation: Conversation) -> str:
        """The last answer's state as a badge."""
        if not conversation.last_state:
            return "–"
        state = MessageState(conversation.last_state)
        return format_html('<span class="fw-badge fw-badge--{}">{}</span>', _TONES[state], state.label)

    @admin.display(description=_("feedback"))
    def show_feedback(self, conversation: Conversation) -> str:
        """Thumbs, counted."""
        thumbs = [(conversation.likes, "ok", "thumb_up"), (conversation.dislikes, "error", "thumb_down")]
        badge = (
            '<span class="fw-badge fw-badge--{}">'
            '<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>'
        )
        parts = [format_html(badge, tone, icon, n) for n, tone, icon in thumbs if n]
        return format_html("{} " * len(parts), *parts) if parts else ""

    @admin.display(description=_("last message"))
    def show_last(self, conversation: Conversation) -> str:
        """When it was."""
        when = conversation.last_message_at
        return format_html(
            '<time datetime="{}" data-relative>{}</time>', when.isoformat(), when.strftime("%Y-%m-%d %H:%M")
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The transcript."""
        conversation = self.get_object(request, object_id)
        if conversation is None or not self.has_view_permission(request, conversation):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": str(conversation),
            "conversation": conversation,
            "is_own": conversation.user_id == request.user.pk,
            "config": {
                "agent": {"name": conversation.counterpart},
                "messages": shown_messages(conversation),
                **link_places(),
            },
        }
        return TemplateResponse(request, "agents/conversation_detail.html", context)
