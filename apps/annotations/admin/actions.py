"""What this app adds to the lists of lower apps."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.agents.models import Conversation
from apps.annotations.models import AnnotationQueue
from apps.annotations.services import queue_item as item_service
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError


@admin.action(description=_("Add to annotation queue…"), permissions=["view"])
def add_to_queue(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Conversation]
) -> HttpResponseBase | None:
    """Ask for the queue, then add every answer of the ticked conversations."""
    workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    queues = AnnotationQueue.objects.in_workspace(workspace).visible_to(request.user, "change")
    chosen = _chosen(request, queues)
    if chosen is None:
        return _ask(modeladmin, request, queryset, queues)
    try:
        added = item_service.add_conversations(
            actor=Actor.from_request(request),
            queue=chosen,
            conversations=list(queryset.values_list("pk", flat=True)),
        )
    except FlywheelError as error:
        messages.error(request, str(error.detail))
        return None
    text = ngettext("%(n)d answer added to “%(name)s”.", "%(n)d answers added to “%(name)s”.", added)
    messages.success(request, text % {"n": added, "name": chosen.name})
    return None


def _chosen(request: HttpRequest, queues: QuerySet[AnnotationQueue]) -> AnnotationQueue | None:
    try:
        return queues.filter(pk=UUID(request.POST.get("annotation_queue", ""))).first()
    except ValueError:
        return None


def _ask(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Conversation], queues: QuerySet[AnnotationQueue]
) -> TemplateResponse:
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": _("Add to annotation queue"),
        "opts": modeladmin.opts,
        "queues": queues.order_by("name"),
        "count": queryset.count(),
        "selected": request.POST.getlist("_selected_action"),
        "select_across": request.POST.get("select_across", "0"),
        "action": request.POST.get("action", "add_to_queue"),
    }
    return TemplateResponse(request, "annotations/choose_queue.html", context)
