"""Writing runs over datasets."""

from __future__ import annotations

import json
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.annotations.exceptions import NameTaken, RunIdTaken
from apps.annotations.models import Dataset, DatasetItem, DatasetRun, DatasetRunItem, run_code
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.permissions import require
from apps.tracing.ids import is_span_id, is_trace_id
from apps.tracing.models import Score

MAX_NAME = 255
MAX_CODE = 200
_SHOWN_CODE = 32


@transaction.atomic
def ensure_run(
    *,
    actor: Actor,
    dataset: Dataset,
    name: str,
    description: str = "",
    metadata: Any = None,
    code: str = "",
) -> DatasetRun:
    """The run of this name, or of the id that its client chose, made when it is not there.

    Clients name the same run with every item, at the same time; what they say of it is filled in where nothing was
    said before. Two runs of one name but ids of their own are kept apart. Raises `RunIdTaken` when `code` belongs to a
    run of another dataset.
    """
    require(actor, "change", dataset)
    runs = DatasetRun.objects.filter(dataset=dataset)
    run = runs.filter(code=code).first() if code else None
    if run is None:
        run = runs.filter(name=name).first()
        if run is not None and code and code != run_code(dataset.workspace_id, dataset.pk, name):
            run, name = None, f"{name} ({code[:_SHOWN_CODE]})"
    if run is None:
        return _create(actor, dataset, name=name, description=description, metadata=metadata, code=code)
    if (description and not run.description) or (metadata is not None and run.metadata is None):
        run.description = run.description or _text(description)
        run.metadata = metadata if run.metadata is None else run.metadata
        run.save(update_fields=["description", "metadata", "updated_at"])
    return run


def _create(
    actor: Actor, dataset: Dataset, *, name: str, description: str, metadata: Any, code: str
) -> DatasetRun:
    _check_name(name)
    code = code or run_code(dataset.workspace_id, dataset.pk, name)
    if len(code) > MAX_CODE or "\0" in code:
        raise Invalid(_("The id of a run has at most %(limit)d characters.") % {"limit": MAX_CODE})
    values = {
        "workspace_id": dataset.workspace_id,
        "code": code,
        "description": _text(description),
        "metadata": metadata,
    }
    try:
        with transaction.atomic():
            run, created = DatasetRun.objects.get_or_create(dataset=dataset, name=name, defaults=values)
    except IntegrityError as error:
        if "annotations_run_code" in str(error):
            raise RunIdTaken from error
        raise
    if created:
        audit.record(actor=actor, action="annotations.dataset_run.create", obj=run, after=_snapshot(run))
    return run


@transaction.atomic
def update_run(
    *, actor: Actor, run: DatasetRun, name: str | None = None, description: str | None = None
) -> DatasetRun:
    """Rename or describe; None leaves a value as it is. The id stays, so scores and spans still find the run."""
    require(actor, "change", run)
    before = _snapshot(run)
    run.name = run.name if name is None else name.strip()
    run.description = run.description if description is None else _text(description)
    _check_name(run.name)
    try:
        with transaction.atomic():
            run.save(update_fields=["name", "description", "updated_at"])
    except IntegrityError as error:
        raise NameTaken(_("There is a run named “%(name)s” already.") % {"name": run.name}) from error
    audit.record(
        actor=actor, action="annotations.dataset_run.update", obj=run, before=before, after=_snapshot(run)
    )
    return run


@transaction.atomic
def delete_run(*, actor: Actor, run: DatasetRun) -> None:
    """Delete the run with its scores; the traces of its items stay."""
    require(actor, "delete", run)
    audit.record(actor=actor, action="annotations.dataset_run.delete", obj=run, before=_snapshot(run))
    Score.objects.filter(workspace_id=run.workspace_id, dataset_run_id=run.code).delete()
    run.delete()


@transaction.atomic
def put_run_item(
    *, actor: Actor, run: DatasetRun, item: DatasetItem, trace_id: str, observation_id: str = ""
) -> DatasetRunItem:
    """Say that `item` was tried in `run` by a trace, which need not be stored yet. The same again changes nothing.

    `observation_id` is the step whose output counts.
    """
    require(actor, "change", run)
    if item.dataset_id != run.dataset_id:
        raise Invalid(_("This item belongs to another dataset."))
    if not is_trace_id(trace_id):
        raise Invalid(_("A trace id has 32 hexadecimal digits."))
    if observation_id and not is_span_id(observation_id):
        raise Invalid(_("An observation id has 16 hexadecimal digits."))
    run_item, created = DatasetRunItem.objects.get_or_create(
        run=run,
        key=item.key,
        trace_id=trace_id,
        defaults={
            "workspace_id": run.workspace_id,
            "item": item,
            "observation_id": observation_id or None,
        },
    )
    if not created and observation_id and run_item.observation_id is None:
        run_item.observation_id = observation_id
        run_item.save(update_fields=["observation_id", "updated_at"])
    return run_item


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME or "\0" in name:
        raise Invalid(_("A run needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})


def _text(description: str) -> str:
    return description.replace("\0", "")


def _snapshot(run: DatasetRun) -> dict[str, Any]:
    """For the audit log, whose JSON can't hold everything that free JSON can."""
    shown = audit.snapshot(run)
    shown["metadata"] = None if shown["metadata"] is None else json.dumps(shown["metadata"])
    return shown
