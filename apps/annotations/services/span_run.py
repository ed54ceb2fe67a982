"""Runs over datasets that are told by spans alone: the attributes that SDKs write on the spans of an experiment."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.annotations.exceptions import RunIdTaken
from apps.annotations.models import Dataset
from apps.annotations.services.dataset_item import find_item
from apps.annotations.services.dataset_run import ensure_run, put_run_item
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.ids import is_uuid
from apps.tracing.mapping import ObservationRow, clean

logger = logging.getLogger(__name__)

#: What marks a span of an experiment; which item it tried is said by the others.
MARK: Final = "langfuse.experiment.item.id"
_ID: Final = "langfuse.experiment.id"
_NAME: Final = "langfuse.experiment.name"
_DESCRIPTION: Final = "langfuse.experiment.description"
_METADATA: Final = "langfuse.experiment.metadata"
_DATASET: Final = "langfuse.experiment.dataset.id"
_STEP: Final = "langfuse.experiment.item.root_observation_id"
_ACTOR: Final = Actor.system("experiment spans")


def keep_runs(rows: Sequence[ObservationRow]) -> None:
    """Keep the items of runs that these spans tell of; one for each trace, though every span of it repeats them."""
    told: dict[tuple[UUID, str, str, str], ObservationRow] = {}
    for row in rows:
        values = row.attributes or {}
        key = (row.workspace_id, row.trace_id, str(values.get(_ID)), str(values.get(MARK)))
        best = told.get(key)
        # the description is only on the first spans of an item
        if best is None or (_DESCRIPTION in values and _DESCRIPTION not in (best.attributes or {})):
            told[key] = row
    for row in told.values():
        try:
            _keep(row, row.attributes or {})
        except (Invalid, RunIdTaken) as error:
            # the span itself is good, and stored
            logger.info("A span tells of a dataset run that can't be kept: %s", error)


@transaction.atomic
def _keep(row: ObservationRow, values: dict[str, Any]) -> None:
    """One item. Experiments over data that is in no dataset have no run: their traces and scores are all there is."""
    dataset_id, name = str(values.get(_DATASET) or ""), str(values.get(_NAME) or "").strip()
    if not is_uuid(dataset_id) or not name:
        return
    dataset = Dataset.objects.filter(workspace_id=row.workspace_id, pk=dataset_id).first()
    item = find_item(dataset=dataset, reference=str(values.get(MARK))) if dataset is not None else None
    if dataset is None or item is None:
        return
    run = ensure_run(
        actor=_ACTOR,
        dataset=dataset,
        name=name,
        description=str(values.get(_DESCRIPTION) or ""),
        metadata=_metadata(values),
        code=str(values.get(_ID) or ""),
    )
    step = str(values.get(_STEP) or "")
    put_run_item(actor=_ACTOR, run=run, item=item, trace_id=row.trace_id, observation_id=step)


def _metadata(values: dict[str, Any]) -> Any:
    """One JSON text, or an attribute for each key."""
    whole = values.get(_METADATA)
    if isinstance(whole, str):
        loaded = clean.load(whole)
        return whole if loaded is None else loaded
    parts = {
        name.removeprefix(f"{_METADATA}."): value
        for name, value in values.items()
        if name.startswith(f"{_METADATA}.")
    }
    return parts or None
