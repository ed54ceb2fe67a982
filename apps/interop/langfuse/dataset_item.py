"""Items of datasets as SDKs read and write them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.exceptions import ItemIdTaken
from apps.annotations.exporters.reading import read_messages
from apps.annotations.models import Dataset, DatasetItem, DatasetVersion
from apps.annotations.querysets import DatasetItemQuerySet
from apps.annotations.services.dataset_item import (
    FreeContent,
    Lineage,
    add_item,
    content_of,
    delete_item,
    find_item,
    named,
    update_item,
)
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound
from apps.core.models import Workspace
from apps.interop.base import AdapterView, Caller
from apps.interop.langfuse import ids
from apps.interop.langfuse.dataset import find_dataset
from apps.interop.langfuse.media import references_in
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, exact, moment, text

MAX_ID = 255
_FIELDS = {"input": "input", "expectedOutput": "expected", "metadata": "metadata"}
_STATUS = {"ACTIVE": False, "ARCHIVED": True}


class DatasetItemsView(AdapterView):
    """Items of one dataset, or of all."""

    def get(self, request: Request) -> Response:
        """Newest first; without archived ones, which experiments leave out.

        `version` is a time: what the dataset was then.
        """
        query = request.query_params
        items = self._items(request)
        if source := query.get("sourceTraceId"):
            items = items.filter(trace_id=ids.trace_id(source))
        if source := query.get("sourceObservationId"):
            items = items.filter(observation_id=ids.span_id(source))
        page = Page.of(items.select_related("dataset").order_by("-key"), query)
        media = references_in(request._request, self.workspace, page.rows)
        return Response(page.body([item_row(item, media.get(item.pk, [])) for item in page.rows]))

    def _items(self, request: Request) -> DatasetItemQuerySet:
        query = request.query_params
        if name := query.get("datasetName"):
            dataset = find_dataset(request.user, self.workspace, name)
            found = items_at(dataset, query)
        else:
            found = DatasetItem.objects.in_workspace(self.workspace).visible_to(request.user).current()
        return found.active()

    def post(self, request: Request) -> Response:
        """Make one, or change what the body names of the one with this id."""
        body = as_object(request.data)
        dataset = find_dataset(request.user, self.workspace, text(body.get("datasetName")))
        item = put_item(actor=self.actor, dataset=dataset, body=body)
        return Response(
            item_row(item, references_in(request._request, self.workspace, [item]).get(item.pk, []))
        )


class DatasetItemView(AdapterView):
    """One item by its id."""

    def get(self, request: Request, item_id: str) -> Response:
        """As it is now."""
        item = find_by_id(request.user, self.workspace, item_id)
        return Response(
            item_row(item, references_in(request._request, self.workspace, [item]).get(item.pk, []))
        )

    def delete(self, request: Request, item_id: str) -> Response:
        """Frozen versions keep it."""
        item = find_by_id(request.user, self.workspace, item_id)
        delete_item(actor=self.actor, dataset=item.dataset, key=item.key)
        return Response({"message": "Dataset item deleted"})


@transaction.atomic
def put_item(*, actor: Actor, dataset: Dataset, body: dict[str, Any]) -> DatasetItem:
    """Make the item that a body describes, or change it; null says nothing. Raises FlywheelError."""
    given = {ours: exact(body[name]) for name, ours in _FIELDS.items() if body.get(name) is not None}
    if status := body.get("status"):
        if text(status) not in _STATUS:
            raise Invalid("The status is ACTIVE or ARCHIVED.")
        given["archived"] = _STATUS[text(status)]
    reference = text(body.get("id"))
    if len(reference) > MAX_ID:
        raise Invalid(f"An id has at most {MAX_ID} characters.")
    present = find_item(dataset=dataset, reference=reference)
    if present is not None:
        before = content_of(present)
        free = before if isinstance(before, FreeContent) else _as_free(present)
        changed = before if given.keys() <= {"archived"} else free
        return update_item(actor=actor, dataset=dataset, key=present.key, content=replace(changed, **given))
    lineage = Lineage(
        trace_id=ids.trace_id(text(body.get("sourceTraceId"))),
        observation_id=ids.span_id(text(body.get("sourceObservationId"))),
    )
    try:
        return add_item(
            actor=actor, dataset=dataset, content=FreeContent(**given), lineage=lineage, client_id=reference
        )
    except ItemIdTaken:
        raise NotFound("An item with this id belongs to another dataset.") from None


def items_at(dataset: Dataset, query: Any) -> DatasetItemQuerySet:
    """Items at the time that `version` names: now, or in the version that was frozen last before it."""
    items = DatasetItem.objects.filter(dataset=dataset)
    at = moment(query, "version")
    if at is None or at >= dataset.items_changed_at:
        return items.current()
    versions = DatasetVersion.objects.filter(dataset=dataset, created_at__lte=at)
    version = versions.order_by("-number").first()
    if version is None:
        raise NotFound(
            "The dataset has changed since this time and no version was frozen before it. Freeze versions to read them."
        )
    return items.at(version.number)


def find_by_id(user: Caller, workspace: Workspace, item_id: str) -> DatasetItem:
    """The present form of an item that `user` may see."""
    visible = Dataset.objects.in_workspace(workspace).visible_to(user)
    found = named(text(item_id).removesuffix("/")).filter(workspace=workspace, dataset__in=visible)
    item = found.select_related("dataset__workspace").first()
    if item is None:
        raise NotFound("There is no dataset item with this id.")
    return item


def _as_free(item: DatasetItem) -> FreeContent:
    return FreeContent(input_of(item), expected_of(item), item.metadata, item.archived)


def input_of(item: DatasetItem) -> Any:
    """Free JSON as it is; of a conversation its messages, with the tools where there are some."""
    if item.is_json:
        return item.input
    return {"messages": item.messages, "tools": item.tools} if item.tools else read_messages(item.messages)


def expected_of(item: DatasetItem) -> Any:
    """What should come out; None where nothing is expected."""
    return item.expected if item.is_json else item.expected_output or None


def reference_of(item: DatasetItem) -> str:
    """What clients call an item: the id they gave it, else ours."""
    return item.client_id or str(item.key)


def item_row(item: DatasetItem, media: list[dict[str, Any]]) -> dict[str, Any]:
    """An item in the SDKs' shape."""
    return {
        "id": reference_of(item),
        "status": "ARCHIVED" if item.archived else "ACTIVE",
        "input": input_of(item),
        "expectedOutput": expected_of(item),
        "metadata": item.metadata,
        "sourceTraceId": item.trace_id or None,
        "sourceObservationId": item.observation_id or None,
        "datasetId": str(item.dataset_id),
        "datasetName": item.dataset.name,
        "createdAt": item.created_at,
        "updatedAt": item.updated_at,
        "mediaReferences": media,
    }
