"""What this app shows on the trace page and on the dashboard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.agents.models import Message
from apps.annotations.models import Annotation, AnnotationQueue, Export, QueueItem
from apps.annotations.selectors import annotations_of_trace
from apps.annotations.subjects import MESSAGE_SOURCE
from apps.core.admin.dashboard import Card, Step
from apps.core.ids import is_uuid
from apps.core.permissions import allows_in
from apps.tracing.models import Trace


def trace_panel(request: HttpRequest, trace: Trace) -> str:
    """What people said about a trace, or the answer behind it; for an answer also a form that adds it to a queue."""
    user: Any = request.user
    message = _answer_of(trace, user)
    queues = AnnotationQueue.objects.filter(workspace=trace.workspace_id).visible_to(user, "change")
    context = {
        "annotations": list(annotations_of_trace(trace.workspace_id, trace.trace_id, user)),
        "message": message,
        "queues": list(queues.order_by("name")[:100]) if message else [],
    }
    if not context["annotations"] and not context["queues"]:
        return ""
    return render_to_string("annotations/trace_panel.html", context, request=request)


def _answer_of(trace: Trace, user: Any) -> Message | None:
    if trace.source_type != MESSAGE_SOURCE or not is_uuid(trace.source_id):
        return None
    answers = Message.objects.visible_to(user).filter(workspace=trace.workspace_id, role="assistant")
    return answers.filter(pk=UUID(trace.source_id)).first()


def open_tasks_card(request: HttpRequest) -> Card | None:
    """How much waits to be judged; for those who may judge."""
    workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    if not allows_in(request.user, "add", Annotation, workspace):
        return None
    open_items = QueueItem.objects.filter(workspace=workspace).open().count()
    return Card(
        title=_("Open annotation tasks"),
        value=str(open_items),
        hint=_("answers wait for a judgement") if open_items else _("nothing waits"),
        url=reverse("admin:annotations_annotationqueue_changelist"),
        tone="warn" if open_items else "ok",
    )


def judge_step(request: HttpRequest) -> Step:
    """Judge an answer."""
    workspace: Any = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return Step(
        title=_("Judge an answer"),
        hint=_("Thumbs, labels, a correction: the queue brings one after another."),
        url=reverse("admin:annotations_annotationqueue_changelist"),
        done=Annotation.objects.filter(workspace=workspace).exists(),
    )


def export_step(request: HttpRequest) -> Step:
    """Export a training file."""
    workspace: Any = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return Step(
        title=_("Export a training file"),
        hint=_("Corrections become examples that a model can be trained on."),
        url=reverse("admin:annotations_dataset_changelist"),
        done=Export.objects.filter(workspace=workspace).exists(),
    )
