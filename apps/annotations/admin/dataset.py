"""Datasets: list and form. Their items have a page of their own."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.models import Dataset
from apps.annotations.services import dataset as dataset_service
from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.formatting import NOTHING, badge, moment
from apps.core.admin.model_form import TypedModelForm
from apps.core.models import Workspace


class DatasetForm(TypedModelForm[Dataset]):
    """Name and description."""

    class Meta:
        model = Dataset
        fields = ("name", "description")

    workspace: Workspace | None = None

    def clean_name(self) -> str:
        """Names are unique in the workspace; said here, because the service can only refuse."""
        name = str(self.cleaned_data["name"]).strip()
        others = Dataset.objects.filter(workspace=self.workspace, name=name).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("There is a dataset with this name already."))
        return name


class DatasetAdmin(ConsoleModelAdmin[Dataset]):
    """Datasets of the current workspace."""

    form = DatasetForm
    list_display = ("dataset_name", "items", "version_badge", "changed")
    list_display_links = None
    search_fields = ("name", "description")
    ordering = ("-created_at",)
    fields = ("name", "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """With the number of items."""
        datasets = cast("Any", super().get_queryset(request))
        return cast("QuerySet[Dataset]", datasets.with_counts())

    def get_form(
        self, request: HttpRequest, obj: Dataset | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Tell the form which workspace names must be unique in."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.workspace = self.workspace(request)
        return form

    @admin.display(description=_("dataset"), ordering="name")
    def dataset_name(self, dataset: Dataset) -> SafeString:
        """Opens the items."""
        return format_html(
            '<a class="fw-link fw-strong" href="{}">{}</a><div class="fw-small fw-muted fw-clamp">{}</div>',
            reverse("admin:annotations_dataset", args=[dataset.pk]),
            dataset.name,
            dataset.description[:160],
        )

    @admin.display(description=_("items"))
    def items(self, dataset: Any) -> int:
        """Current ones."""
        return int(dataset.item_count)

    @admin.display(description=_("newest version"), ordering="version")
    def version_badge(self, dataset: Dataset) -> SafeString:
        """Number of the newest frozen version."""
        return badge(f"v{dataset.version}", "info") if dataset.version else NOTHING

    @admin.display(description=_("changed"), ordering="updated_at")
    def changed(self, dataset: Dataset) -> SafeString:
        """When the dataset itself changed."""
        return moment(dataset.updated_at)

    def response_add(
        self, request: HttpRequest, obj: Dataset, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the items."""
        if "_popup" in request.POST or "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return redirect(reverse("admin:annotations_dataset", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Dataset) -> HttpResponse:
        """Back to the items."""
        if "_continue" in request.POST or "_popup" in request.POST:
            return super().response_change(request, obj)
        return redirect(reverse("admin:annotations_dataset", args=[obj.pk]))

    def create_object(self, request: HttpRequest, form: forms.ModelForm[Any]) -> Dataset:
        """Call the service."""
        return dataset_service.create_dataset(
            actor=self.actor(request),
            workspace=cast("Workspace", self.workspace(request)),
            **form.cleaned_data,
        )

    def update_object(self, request: HttpRequest, obj: Dataset, form: forms.ModelForm[Any]) -> Dataset:
        """Call the service."""
        return dataset_service.update_dataset(actor=self.actor(request), dataset=obj, **form.cleaned_data)

    def delete_object(self, request: HttpRequest, obj: Dataset) -> None:
        """Call the service."""
        dataset_service.delete_dataset(actor=self.actor(request), dataset=obj)
