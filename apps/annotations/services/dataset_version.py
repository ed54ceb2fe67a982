"""Freezing datasets."""

from __future__ import annotations

from django.db import transaction

from apps.annotations.exceptions import EmptyDataset
from apps.annotations.models import Dataset, DatasetItem, DatasetVersion
from apps.core import audit
from apps.core.actors import Actor
from apps.core.permissions import require


@transaction.atomic
def freeze(*, actor: Actor, dataset: Dataset, note: str = "") -> DatasetVersion:
    """Make the present state a version; costs one row however large the dataset is.

    When nothing changed since the newest version, that one is returned. Raises `EmptyDataset` when there is
    nothing.
    """
    require(actor, "change", dataset)
    locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    newest = DatasetVersion.objects.filter(dataset=locked, number=locked.version).first()
    items = DatasetItem.objects.filter(dataset=locked)
    if newest is not None and not items.changed_since(locked.version).exists():
        return newest
    item_count = items.current().count()
    if not item_count:
        raise EmptyDataset
    locked.version += 1
    locked.save(update_fields=["version", "updated_at"])
    version = DatasetVersion.objects.create(
        workspace_id=locked.workspace_id,
        dataset=locked,
        number=locked.version,
        note=note,
        item_count=item_count,
        author=actor.user,
    )
    audit.record(
        actor=actor, action="annotations.dataset_version.create", obj=version, after=audit.snapshot(version)
    )
    dataset.version = locked.version
    return version
