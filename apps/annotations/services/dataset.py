"""Writing datasets."""

from __future__ import annotations

import json
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.annotations.exceptions import NameTaken
from apps.annotations.models import Dataset, Export
from apps.annotations.schemas import check_schema
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.core.permissions import require, require_in
from apps.tracing.services.media import forget_uses

MAX_NAME: Final = 255
#: How media says that a dataset's items use it.
MEDIA_SOURCE: Final = "annotations.dataset"
#: What can be said of a dataset besides its name.
ABOUT: Final = ("description", "metadata", "input_schema", "expected_schema")


@transaction.atomic
def create_dataset(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    description: str = "",
    metadata: Any = None,
    input_schema: Any = None,
    expected_schema: Any = None,
) -> Dataset:
    """Make an empty dataset."""
    require_in(actor, "add", Dataset, workspace)
    dataset = Dataset(
        workspace=workspace,
        name=name.strip(),
        description=description,
        metadata=metadata,
        input_schema=input_schema,
        expected_schema=expected_schema,
    )
    _save(dataset)
    audit.record(actor=actor, action="annotations.dataset.create", obj=dataset, after=audit.snapshot(dataset))
    return dataset


@transaction.atomic
def update_dataset(*, actor: Actor, dataset: Dataset, name: str | None = None, **about: Any) -> Dataset:
    """Rename, or change what is said of it (`ABOUT`); items that don't meet a new schema stay."""
    require(actor, "change", dataset)
    before = audit.snapshot(dataset)
    dataset.name = dataset.name if name is None else name.strip()
    for field, value in about.items():
        if field not in ABOUT:
            raise TypeError(field)
        # a client that names nothing for the description leaves it as it is
        setattr(dataset, field, dataset.description if field == "description" and value is None else value)
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
    """Delete the dataset with its items, versions, runs, exports and their files."""
    require(actor, "delete", dataset)
    audit.record(
        actor=actor, action="annotations.dataset.delete", obj=dataset, before=audit.snapshot(dataset)
    )
    forget_uses(workspace=dataset.workspace, source_type=MEDIA_SOURCE, source_id=str(dataset.pk))
    files = [export.file for export in Export.objects.filter(dataset=dataset).exclude(file="")]
    dataset.delete()
    for file in files:
        transaction.on_commit(lambda file=file: file.storage.delete(file.name))  # type: ignore[misc]  # bound now


def _save(dataset: Dataset) -> None:
    if not dataset.name or len(dataset.name) > MAX_NAME or "\0" in dataset.name:
        raise Invalid(_("The dataset needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    if "\\u0000" in json.dumps([dataset.description, dataset.metadata]):
        raise Invalid(_("Null characters can't be kept."))
    check_schema(dataset.input_schema, "input_schema")
    check_schema(dataset.expected_schema, "expected_schema")
    try:
        with transaction.atomic():
            # `version` is moved by freezing alone, under a lock this function doesn't take
            dataset.save(update_fields=None if dataset._state.adding else ("name", *ABOUT, "updated_at"))
    except IntegrityError as error:
        if "annotations_dataset_name" in str(error):
            raise NameTaken(
                _("There is a dataset named “%(name)s” already.") % {"name": dataset.name}
            ) from error
        raise
