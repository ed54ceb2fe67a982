"""Items of queues, for whoever runs the queue."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, TextField, UUIDField, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.paginator import InfinitePaginator

from apps.agents.models import Message
from apps.annotations.models import ItemState, QueueItem
from apps.annotations.services import queue_item as item_service
from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, moment
from apps.tracing.models import Trace

_TONES = {
    ItemState.PENDING: "muted",
    ItemState.ASSIGNED: "info",
    ItemState.DONE: "ok",
    ItemState.SKIPPED: "warn",
}


class QueueItemAdmin(ConsoleModelAdmin[QueueItem]):
    """What is in the queues; opened at the desk, not in a form."""

    list_display = ("answer", "queue", "state_badge", "who", "annotation_count", "added")
    list_display_links = None
    list_select_related = ("queue", "assignee")
    list_filter = (("queue", RelatedDropdownFilter), ("state", ChoicesDropdownFilter))
    ordering = ("queue", "position", "id")
    paginator = InfinitePaginator
    actions = ("reopen_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueItem]:
        """With question and answer: of the message, or of the trace as its list shows it."""
        question = Message.objects.filter(pk=OuterRef("message__parent")).values("content")[:1]
        trace_id = Cast(NullIf(OuterRef("trace_id"), Value("")), UUIDField())
        trace = Trace.objects.filter(workspace=OuterRef("workspace"), trace_id=trace_id)
        return (
            super()
            .get_queryset(request)
            .annotate(
                question=Coalesce(
                    Subquery(question), Subquery(trace.values("input_preview")[:1]), output_field=TextField()
                ),
                reply=Coalesce(
                    "message__content",
                    Subquery(trace.values("output_preview")[:1]),
                    Value(""),
                    output_field=TextField(),
                ),
                trace_name=Subquery(trace.values("name")[:1]),
            )
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Items are added from conversations and by rules."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: QueueItem | None = None) -> bool:
        """Judged at the desk."""
        return False

    def has_reopen_permission(self, request: HttpRequest) -> bool:
        """Those who may change queues."""
        return self.may(request, "change")

    @admin.display(description=_("question and answer"))
    def answer(self, item: Any) -> SafeString:
        """Both, shortened; opens the item at the desk."""
        return format_html(
            '<a class="fw-link fw-strong" href="{}?item={}">{}</a>'
            '<div class="fw-small fw-muted fw-clamp">{}</div>',
            reverse("admin:annotations_desk", args=[item.queue_id]),
            item.pk,
            Truncator(item.question or item.trace_name or gettext("(no question)")).chars(90),
            Truncator(item.reply).chars(160),
        )

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, item: QueueItem) -> SafeString:
        """With the reason of a skip."""
        shown = badge(ItemState(item.state).label, _TONES[ItemState(item.state)])
        if item.skip_reason:
            return format_html('{}<div class="fw-small fw-muted">{}</div>', shown, item.skip_reason)
        return shown

    @admin.display(description=_("held by"))
    def who(self, item: QueueItem) -> SafeString | str:
        """Who has it open."""
        return str(item.assignee) if item.assignee else NOTHING

    @admin.display(description=_("added"), ordering="created_at")
    def added(self, item: QueueItem) -> SafeString:
        """When."""
        return moment(item.created_at)

    @admin.action(description=_("Reopen"), permissions=["reopen"])
    def reopen_selected(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> None:
        """Back into the pool."""
        actor = self.actor(request)
        self.run_each(
            request,
            queryset,
            lambda item: item_service.reopen(actor=actor, item=item),
            gettext("Items reopened"),
        )

    def delete_object(self, request: HttpRequest, obj: QueueItem) -> None:
        """Call the service."""
        item_service.remove_item(actor=self.actor(request), item=obj)
