"""The actions that this app adds to the lists and pages of traces: into a queue, into a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.annotations.models import AnnotationQueue, Dataset
from apps.annotations.services.annotation_queue import create_queue
from apps.annotations.services.dataset import create_dataset
from apps.annotations.services.queue_item import put_traces as put_into_queue
from apps.annotations.services.trace_example import put_traces as put_into_dataset
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.tracing import bulk
from apps.tracing.bulk import BulkAction, Values
from apps.tracing.selection import Selected

_OFFERED: Final = 200
_NAME_LENGTH: Final = 120

M = TypeVar("M", AnnotationQueue, Dataset)


def register_all() -> None:
    """Offer them; called once when the application starts."""
    bulk.register(
        "annotation_queue",
        BulkAction(
            _("Add to queue"),
            needs=("change", AnnotationQueue),
            run=_to_queue,
            told=_told_queue,
            fields=_queue_fields,
            prepare=_prepare_queue,
            hint=_("People judge the output, with the input as the conversation before it."),
        ),
    )
    bulk.register(
        "dataset",
        BulkAction(
            _("Add to dataset"),
            needs=("change", Dataset),
            run=_to_dataset,
            told=_told_dataset,
            fields=_dataset_fields,
            prepare=_prepare_dataset,
            hint=_("Messages and tools of the input become an example."),
        ),
    )


def _queue_fields(actor: Actor, workspace: Workspace, _list: str) -> Mapping[str, forms.Field]:
    return {
        "target": _choice(AnnotationQueue, actor, workspace, _("Queue")),
        "name": _new_name(_("Or a new queue named")),
    }


def _dataset_fields(actor: Actor, workspace: Workspace, _list: str) -> Mapping[str, forms.Field]:
    return {
        "target": _choice(Dataset, actor, workspace, _("Dataset")),
        "name": _new_name(_("Or a new dataset named")),
        "with_output": forms.BooleanField(
            label=_("The output is the expected output"),
            required=False,
            initial=True,
            help_text=_("Else it is left empty, to be written."),
        ),
    }


def _choice(model: type[M], actor: Actor, workspace: Workspace, label: Any) -> forms.ChoiceField:
    found: Any = _changeable(model, actor, workspace).order_by("name").values_list("pk", "name")[:_OFFERED]
    named: list[tuple[str, str]] = [("", "–"), *((str(key), str(name)) for key, name in found)]
    return forms.ChoiceField(label=label, required=False, choices=named)


def _new_name(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=_NAME_LENGTH)


def _changeable(model: type[M], actor: Actor, workspace: Workspace) -> Any:
    if actor.user is None:
        return model._default_manager.none()
    everything: Any = model._default_manager.all()
    return everything.in_workspace(workspace).visible_to(actor.user, "change")


def _prepare_queue(actor: Actor, workspace: Workspace, values: Values) -> Values:
    if name := str(values["name"]).strip():
        queue = create_queue(actor=actor, workspace=workspace, name=name)
        return {**values, "target": str(queue.pk)}
    return _require_target(values, gettext("Choose a queue, or name a new one."))


def _prepare_dataset(actor: Actor, workspace: Workspace, values: Values) -> Values:
    if name := str(values["name"]).strip():
        dataset = create_dataset(actor=actor, workspace=workspace, name=name)
        return {**values, "target": str(dataset.pk)}
    return _require_target(values, gettext("Choose a dataset, or name a new one."))


def _require_target(values: Values, sentence: str) -> Values:
    if not is_uuid(str(values["target"])):
        raise Invalid(sentence)
    return values


def _target(model: type[M], actor: Actor, workspace: Workspace, values: Values) -> M:
    """The queue or dataset; raises NotFound when it was deleted, or may not be changed any more."""
    found: M | None = (
        _changeable(model, actor, workspace).select_related("workspace").filter(pk=values["target"]).first()
    )
    if found is None:
        raise NotFound(gettext("It was deleted, or you may not change it any more."))
    return found


def _to_queue(actor: Actor, workspace: Workspace, rows: Sequence[Selected], values: Values) -> int:
    queue = _target(AnnotationQueue, actor, workspace, values)
    return put_into_queue(actor=actor, queue=queue, rows=rows)


def _to_dataset(actor: Actor, workspace: Workspace, rows: Sequence[Selected], values: Values) -> int:
    dataset = _target(Dataset, actor, workspace, values)
    return put_into_dataset(actor=actor, dataset=dataset, rows=rows, with_output=bool(values["with_output"]))


def _told_queue(changed: int, rows: int) -> str:
    told = ngettext("%d item was added to the queue.", "%d items were added to the queue.", changed) % changed
    return f"{told} {gettext('The others are in it already.')}" if changed < rows else told


def _told_dataset(changed: int, rows: int) -> str:
    told = ngettext("%d example was added.", "%d examples were added.", changed) % changed
    rest = gettext("The others are in the dataset already, have no input, or do not meet its schemas.")
    return f"{told} {rest}" if changed < rows else told
