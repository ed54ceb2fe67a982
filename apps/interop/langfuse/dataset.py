"""Datasets as SDKs read and write them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.models import Dataset
from apps.annotations.services.dataset import create_dataset, delete_dataset, update_dataset
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.core.models import Workspace
from apps.interop.base import AdapterView, Caller
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, exact, text

#: What a body calls a field, and what we call it.
_FIELDS = {
    "description": "description",
    "metadata": "metadata",
    "inputSchema": "input_schema",
    "expectedOutputSchema": "expected_schema",
}


class DatasetsView(AdapterView):
    """All datasets."""

    def get(self, request: Request) -> Response:
        """Newest first, a page at a time."""
        datasets = Dataset.objects.in_workspace(self.workspace).visible_to(request.user)
        page = Page.of(datasets.order_by("-created_at", "-id"), request.query_params)
        return Response(page.body([dataset_row(dataset) for dataset in page.rows]))

    def post(self, request: Request) -> Response:
        """Make one; for a name that is there, change what the body names."""
        body = as_object(request.data)
        about = {ours: exact(body[name]) for name, ours in _FIELDS.items() if body.get(name) is not None}
        if "description" in about:
            about["description"] = text(about["description"])
        dataset = _upsert(self.actor, self.workspace, text(body.get("name")).strip(), about)
        return Response(dataset_row(dataset))


class DatasetView(AdapterView):
    """One dataset by name, which may hold slashes."""

    def get(self, request: Request, name: str) -> Response:
        """Read it."""
        return Response(dataset_row(find_dataset(request.user, self.workspace, name)))

    def delete(self, request: Request, name: str) -> Response:
        """Delete it with items and runs."""
        delete_dataset(actor=self.actor, dataset=find_dataset(request.user, self.workspace, name))
        return Response({"message": "Dataset deleted"})


@transaction.atomic
def _upsert(actor: Actor, workspace: Workspace, name: str, about: dict[str, Any]) -> Dataset:
    dataset = Dataset.objects.in_workspace(workspace).filter(name=name).first()
    if dataset is None:
        return create_dataset(actor=actor, workspace=workspace, name=name, **about)
    return update_dataset(actor=actor, dataset=dataset, **about) if about else dataset


def find_dataset(user: Caller, workspace: Workspace, name: str) -> Dataset:
    """The dataset of this name that `user` may see; a slash at the end may be the address's."""
    datasets = Dataset.objects.in_workspace(workspace).visible_to(user)
    names = {name, name.removesuffix("/")}
    found = sorted(datasets.filter(name__in=names), key=lambda dataset: dataset.name != name)
    if not found:
        raise NotFound("There is no dataset of this name.")
    return found[0]


def dataset_row(dataset: Dataset) -> dict[str, Any]:
    """A dataset in the SDKs' shape; the newer ones miss any key that is not there."""
    return {
        "id": str(dataset.pk),
        "name": dataset.name,
        "description": dataset.description or None,
        "metadata": dataset.metadata,
        "inputSchema": dataset.input_schema,
        "expectedOutputSchema": dataset.expected_schema,
        "projectId": str(dataset.workspace_id),
        "createdAt": dataset.created_at,
        "updatedAt": dataset.updated_at,
    }
