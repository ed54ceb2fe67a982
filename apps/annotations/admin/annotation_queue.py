"""Queues: list with progress, form, and the ways into desk and items."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from apps.annotations.admin.labels_field import LabelsField
from apps.annotations.models import AnnotationQueue, Dataset
from apps.annotations.services import annotation_queue as queue_service
from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import Workspace


class AnnotationQueueForm(TypedModelForm[AnnotationQueue]):
    """What annotators are asked."""

    labels = LabelsField()
    # not named like the model's field: the theme takes a posted "dataset" for an inline list of its own
    corrections = forms.ModelChoiceField(
        label=_("Dataset for corrections"),
        queryset=Dataset.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Each corrected answer becomes an item of this dataset."),
    )

    class Meta:
        model = AnnotationQueue
        fields = ("name", "instructions", "labels", "annotators_per_item")

    workspace: Workspace | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "corrections" in self.fields:
            choices = Dataset.objects.filter(workspace=self.workspace).order_by("name")
            self.fields["corrections"].queryset = choices  # type: ignore[attr-defined]  # a ModelChoiceField
            self.initial.setdefault("corrections", self.instance.dataset_id)

    def values(self) -> dict[str, Any]:
        """The cleaned form as arguments of the services."""
        values = dict(self.cleaned_data)
        values["dataset"] = values.pop("corrections", None)
        return values

    def clean_name(self) -> str:
        """Names are unique in the workspace; said here, because the service can only refuse."""
        name = str(self.cleaned_data["name"]).strip()
        others = AnnotationQueue.objects.filter(workspace=self.workspace, name=name).exclude(
            pk=self.instance.pk
        )
        if others.exists():
            raise ValidationError(_("There is a queue with this name already."))
        return name

    def clean_annotators_per_item(self) -> int:
        """One to nine."""
        count = int(self.cleaned_data["annotators_per_item"])
        if not 1 <= count <= 9:
            raise ValidationError(_("Between one and nine people can judge an item."))
        return count


class AnnotationQueueAdmin(ConsoleModelAdmin[AnnotationQueue]):
    """Queues of the current workspace."""

    form = AnnotationQueueForm
    list_display = (
        "queue_name",
        "progress",
        "open_count",
        "annotators_per_item",
        "collected",
        "created",
        "desk",
    )
    list_display_links = None
    search_fields = ("name", "instructions")
    list_select_related = ("dataset",)
    ordering = ("-created_at",)
    fields = ("name", "instructions", "labels", "annotators_per_item", "corrections")
    change_form_outer_before_template = "annotations/queue_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnnotationQueue]:
        """With the counts the list shows; nobody needs more than one query for them."""
        queues = cast("Any", super().get_queryset(request))
        return cast("QuerySet[AnnotationQueue]", queues.with_progress())

    def get_form(
        self, request: HttpRequest, obj: AnnotationQueue | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Tell the form which workspace names must be unique in."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.workspace = self.workspace(request)
        return form

    @admin.display(description=_("queue"), ordering="name")
    def queue_name(self, queue: AnnotationQueue) -> SafeString:
        """Name, and the beginning of the instructions."""
        return format_html(
            '<a class="fw-link fw-strong" href="{}">{}</a><div class="fw-small fw-muted fw-clamp">{}</div>',
            reverse("admin:annotations_annotationqueue_change", args=[queue.pk]),
            queue.name,
            queue.instructions[:160],
        )

    @admin.display(description=_("progress"))
    def progress(self, queue: Any) -> SafeString:
        """A bar and the counts; kept up to date by the page's script."""
        handled = queue.done_count + queue.skipped_count
        return format_html(
            '<div class="fw-queue-progress" data-queue-progress="{0}">'
            '<progress class="fw-progress" max="{1}" value="{2}" aria-label="{3}"></progress>'
            '<span class="fw-small fw-muted fw-number" data-progress-text>{2} / {4}</span></div>',
            queue.pk,
            queue.total_count or 1,
            handled,
            queue.name,
            queue.total_count,
        )

    @admin.display(description=_("open"))
    def open_count(self, queue: Any) -> int:
        """Items that still need somebody."""
        return int(queue.total_count - queue.done_count - queue.skipped_count)

    @admin.display(description=_("corrections go to"))
    def collected(self, queue: AnnotationQueue) -> SafeString:
        """The dataset."""
        if queue.dataset is None:
            return NOTHING
        link = reverse("admin:annotations_dataset", args=[queue.dataset.pk])
        return format_html('<a class="fw-link" href="{}">{}</a>', link, queue.dataset.name)

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, queue: AnnotationQueue) -> SafeString:
        """When."""
        return moment(queue.created_at)

    @admin.display(description="")
    def desk(self, queue: Any) -> SafeString:
        """The way to the desk, first of all where something is open."""
        kind = "fw-button--primary" if self.open_count(queue) else "fw-button--ghost"
        return format_html(
            '<a class="fw-button fw-button--small {}" href="{}">{}</a>',
            kind,
            reverse("admin:annotations_desk", args=[queue.pk]),
            _("Annotate"),
        )

    def create_object(self, request: HttpRequest, form: Any) -> AnnotationQueue:
        """Call the service."""
        return queue_service.create_queue(
            actor=self.actor(request),
            workspace=cast("Workspace", self.workspace(request)),
            **form.values(),
        )

    def update_object(self, request: HttpRequest, obj: AnnotationQueue, form: Any) -> AnnotationQueue:
        """Call the service."""
        return queue_service.update_queue(actor=self.actor(request), queue=obj, **form.values())

    def delete_object(self, request: HttpRequest, obj: AnnotationQueue) -> None:
        """Call the service."""
        queue_service.delete_queue(actor=self.actor(request), queue=obj)

    class Media:
        js = [forms.Script("annotations/js/progress.js", type="module")]
        css = {"all": ["annotations/css/annotations.css"]}
