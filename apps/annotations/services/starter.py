"""The annotation part of the starter workspace."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from apps.agents.models import Agent
from apps.annotations.filters import ItemFilter
from apps.annotations.models import AnnotationQueue
from apps.annotations.services.annotation_queue import create_queue
from apps.annotations.services.dataset import create_dataset
from apps.annotations.services.queue_item import add_matching
from apps.core.actors import Actor
from apps.core.models import Workspace

_ANSWERS: Final = ("completed", "stopped", "interrupted")


@transaction.atomic
def create_starter_queue(*, actor: Actor, workspace: Workspace, agent: Agent) -> AnnotationQueue:
    """A queue over everything `agent` has answered so far, with a dataset that collects the corrections."""
    dataset = create_dataset(
        actor=actor,
        workspace=workspace,
        name=_("Corrected answers"),
        description=_("Filled by annotators: each corrected answer becomes an example to fine-tune on."),
    )
    queue = create_queue(
        actor=actor,
        workspace=workspace,
        name=_("Review of the guide"),
        instructions=_(
            "Is the answer right, complete, and supported by its sources? Give a thumb, pick the labels "
            "that apply, and write the answer you would have given when it could be better."
        ),
        labels=[
            {"name": _("Unsupported"), "color": "red"},
            {"name": _("Incomplete"), "color": "orange"},
            {"name": _("Wrong source"), "color": "purple"},
            {"name": _("Tone"), "color": "blue"},
            {"name": _("Exemplary"), "color": "green"},
        ],
        dataset=dataset,
    )
    add_matching(actor=actor, queue=queue, rule=ItemFilter(agent=agent.pk, states=_ANSWERS))
    return queue
