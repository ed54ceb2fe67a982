"""Writing datasets."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.annotations.exceptions import NameTaken
from apps.annotations.models import Dataset, Export
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.core.permissions import require, require_in


@transaction.atomic
def create_dataset(*, actor: Actor, workspace: Workspace, name: str, description: str = "") -> Dataset:
    """Make an empty dataset."""
    require_in(actor, "add", Dataset, workspace)
    dataset = Dataset(workspace=workspace, name=name.strip(), description=description)
    _save(dataset)
    audit.record(actor=actor, action="annotations.dataset.create", obj=dataset, after=audit.snapshot(dataset))
    return dataset


@transaction.atomic
def update_dataset(
    *, actor: Actor, dataset: Dataset, name: str | None = None, description: str | None = None
) -> Dataset:
    """Rename or describe; None leaves a value as it is."""
    require(actor, "change", dataset)
    before = audit.snapshot(dataset)
    dataset.name = dataset.name if name is None else name.strip()
    dataset.description = dataset.description if description is None else description
    _save(dataset)
    audit.record(
        actor=actor,
        action="annotations.dataset.update",
        obj=dataset,
        before=before,
        after=audit.snapshot(dataset),
    )
    return dataset


@transaction.atomic
def delete_dataset(*, actor: Actor, dataset: Dataset) -> None:
    """Delete the dataset with its items, versions, exports and their files."""
    require(actor, "delete", dataset)
    audit.record(
        actor=actor, action="annotations.dataset.delete", obj=dataset, before=audit.snapshot(dataset)
    )
    files = [export.file for export in Export.objects.filter(dataset=dataset).exclude(file="")]
    dataset.delete()
    for file in files:
        transaction.on_commit(lambda file=file: file.storage.delete(file.name))  # type: ignore[misc]  # bound now


def _save(dataset: Dataset) -> None:
    if not dataset.name:
        raise Invalid(_("The dataset needs a name."))
    try:
        with transaction.atomic():
            # `version` is moved by freezing alone, under a lock this function doesn't take
            dataset.save(
                update_fields=None if dataset._state.adding else ("name", "description", "updated_at")
            )
    except IntegrityError as error:
        if "annotations_dataset_name" in str(error):
            raise NameTaken(
                _("There is a dataset named “%(name)s” already.") % {"name": dataset.name}
            ) from error
        raise
