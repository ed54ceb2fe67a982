"""The desk, filling a queue, and a dataset's items."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.agents.models import Agent, Message, Source
from apps.annotations.exporters import exporters
from apps.annotations.filters import MOST_ITEMS, Feedback, ItemFilter
from apps.annotations.models import AnnotationQueue, Dataset, QueueItem
from apps.annotations.progress import progress_of
from apps.annotations.selectors import DatasetPage, dataset_page
from apps.annotations.services import queue_item as item_service
from apps.annotations.services.export import INLINE_ITEMS
from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError
from apps.core.numbers import whole_number
from apps.core.permissions import allows


class QueuePage(ConsolePage):
    """A page below one queue; `action` is what the visitor needs on it."""

    action = "view"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """404 for those who may not see the queue, 403 for those who may not do the action."""
        workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        queues = AnnotationQueue.objects.in_workspace(workspace).visible_to(request.user)
        queue = queues.select_related("workspace", "dataset").filter(pk=kwargs["queue_id"]).first()
        if queue is None:
            raise Http404
        if not allows(request.user, self.action, queue):
            raise PermissionDenied
        self.queue = queue


class DeskPage(QueuePage):
    """Where answers are judged. The items come through the API; the page itself is loaded once."""

    template_name = "annotations/desk.html"
    action = "annotate"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The queue, and what the script needs."""
        queue = self.queue
        return {
            "title": queue.name,
            "queue": queue,
            "desk": {
                "api": reverse("annotations-queue-detail", args=[queue.pk]),
                "workspace": str(self.workspace.pk),
                "topic": f"annotations.annotationqueue:{queue.pk}",
                "labels": queue.labels,
                "progress": progress_of(queue),
                "item": self._wanted(request),
                "dataset": queue.dataset.name if queue.dataset else "",
            },
        }

    def _wanted(self, request: HttpRequest) -> str:
        """`?item=`: an item to open instead of the next one."""
        try:
            wanted = UUID(request.GET.get("item", ""))
        except ValueError:
            return ""
        return str(wanted) if QueueItem.objects.filter(queue=self.queue, pk=wanted).exists() else ""


class FillForm(forms.Form):
    """A rule that picks answers."""

    agent = forms.ModelChoiceField(
        label=_("Agent"), queryset=Agent.objects.none(), required=False, empty_label=_("All agents")
    )
    states = forms.MultipleChoiceField(
        label=_("State of the answer"),
        choices=(
            ("completed", _("Complete")),
            ("stopped", _("Stopped")),
            ("interrupted", _("Interrupted")),
            ("failed", _("Failed")),
        ),
        widget=forms.CheckboxSelectMultiple,
        initial=["completed"],
    )
    sources = forms.MultipleChoiceField(
        label=_("Came through"),
        choices=Source.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: all of them."),
    )
    feedback = forms.ChoiceField(
        label=_("Feedback"),
        choices=(
            (Feedback.ANY, _("Any or none")),
            (Feedback.DOWN, _("Thumb down")),
            (Feedback.UP, _("Thumb up")),
            (Feedback.NONE, _("No feedback")),
        ),
        initial=Feedback.ANY,
    )
    since = forms.DateTimeField(
        label=_("From"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        label=_("Until"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    sample_percent = forms.IntegerField(
        label=_("Sample (percent)"),
        min_value=1,
        max_value=100,
        initial=100,
        help_text=_("A fixed share by a hash of the answer: the same rule picks the same answers."),
    )
    limit = forms.IntegerField(
        label=_("At most"),
        min_value=1,
        max_value=MOST_ITEMS,
        initial=1000,
        help_text=_("The newest come first."),
    )

    def __init__(self, *args: Any, agents: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agent"].queryset = agents  # type: ignore[attr-defined]  # a ModelChoiceField
        for field in self.fields.values():
            kind = {"select": "fw-select", "checkbox": ""}.get(
                getattr(field.widget, "input_type", ""), "fw-input"
            )
            if kind:
                field.widget.attrs["class"] = kind

    def rule(self) -> ItemFilter:
        """The cleaned form as a rule."""
        data = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}
        if agent := data.get("agent"):
            data["agent"] = agent.pk
        return ItemFilter.parse(data)


class FillPage(QueuePage):
    """Add answers to a queue by a rule: see how many match, then add them."""

    template_name = "annotations/fill.html"
    title = _("Add items")
    action = "change"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The form as it was used last."""
        return self._context(self._form(initial={**ItemFilter().model_dump(), **self.queue.filter}))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Count, or add."""
        form = self._form(data=request.POST)
        if not form.is_valid():
            return self.render(self._context(form), status=422)
        try:
            rule = form.rule()
            if "add" not in request.POST:
                return self.render(self._context(form, **self._count(rule)))
            added = item_service.add_matching(actor=self.actor, queue=self.queue, rule=rule)
        except FlywheelError as error:
            form.add_error(None, str(error.detail))
            return self.render(self._context(form), status=error.status)
        messages.success(request, ngettext("%(n)d item added.", "%(n)d items added.", added) % {"n": added})
        return redirect("admin:annotations_annotationqueue_changelist")

    def _form(self, **kwargs: Any) -> FillForm:
        agents = Agent.objects.in_workspace(self.workspace).visible_to(self.request.user)
        return FillForm(agents=agents, **kwargs)

    def _count(self, rule: ItemFilter) -> dict[str, int]:
        matching = rule.messages(self.workspace, self.request.user)
        found = set(matching.values_list("pk", flat=True))
        known = set(QueueItem.objects.filter(queue=self.queue).values_list("message_id", flat=True))
        return {"matching": len(found), "fresh": len(found - known)}

    def _context(self, form: FillForm, **counts: int) -> dict[str, Any]:
        return {"queue": self.queue, "form": form, "counted": bool(counts), **counts}


class AddAnswerPage(ConsolePage):
    """POST only: put one answer into a queue, from the trace page."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Back to where the form was, with a message."""
        queues = AnnotationQueue.objects.in_workspace(self.workspace).visible_to(request.user)
        answers = Message.objects.in_workspace(self.workspace).visible_to(request.user)
        try:
            queue = queues.filter(pk=UUID(request.POST.get("queue", ""))).first()
            answer = answers.filter(pk=UUID(request.POST.get("message", ""))).first()
        except ValueError:
            raise Http404 from None
        if queue is None or answer is None:
            raise Http404
        try:
            added = item_service.add_messages(actor=self.actor, queue=queue, messages=[answer.pk])
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        else:
            text = gettext("Added to “%(name)s”.") if added else gettext("It is in “%(name)s” already.")
            messages.success(request, text % {"name": queue.name})
        if answer.trace_id:
            return redirect("admin:tracing_trace", answer.trace_id)
        return redirect("admin:annotations_annotationqueue_changelist")

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """There is nothing to look at."""
        return redirect("admin:annotations_annotationqueue_changelist")


class DatasetPageBase(ConsolePage):
    """A page below one dataset."""

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """404 for those who may not see the dataset."""
        workspace = request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        datasets = Dataset.objects.in_workspace(workspace).visible_to(request.user)
        dataset = datasets.select_related("workspace").filter(pk=kwargs["dataset_id"]).first()
        if dataset is None:
            raise Http404
        self.dataset = dataset


class DatasetItemsPage(DatasetPageBase):
    """A dataset: its items, versions, and the export dialog."""

    template_name = "annotations/dataset.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of items, and what the dialogs need."""
        query = request.GET.get("q", "").replace("\0", "").strip()[:200]
        after, first = request.GET.get("after", ""), request.GET.get("item", "")
        page = dataset_page(
            self.dataset,
            version=whole_number(request.GET.get("version", "")),
            after=after,
            first=first,
            search=query,
        )
        same = {"q": query, "version": page.version or ""}
        may_change = allows(request.user, "change", self.dataset)
        return {
            "title": self.dataset.name,
            "dataset": self.dataset,
            "page": page,
            "query": query,
            "paged": bool(after or first),
            "first_query": urlencode(same),
            "next_query": urlencode({**same, "after": page.next_after}),
            "may_change": may_change and page.version is None,
            "may_freeze": may_change,
            "may_export": allows(request.user, "export", self.dataset),
            "settings": self._settings(page),
        }

    def _settings(self, page: DatasetPage) -> dict[str, Any]:
        return {
            "dataset": str(self.dataset.pk),
            "api": reverse("annotations-dataset-detail", args=[self.dataset.pk]),
            "exports": reverse("annotations-export-list"),
            "workspace": str(self.workspace.pk),
            "inline_items": INLINE_ITEMS,
            "version": page.version,
            "versions": [
                {"number": version.number, "items": version.item_count} for version in page.versions
            ],
            "current_items": page.current_count,
            "changed": page.changed,
            "formats": [
                {"name": exporter.name, "title": exporter.title, "description": exporter.description}
                for exporter in exporters().values()
            ],
        }
