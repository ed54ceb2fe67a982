"""Events: what happens in the workspace starts workflows that listen to it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.hooks import Happening
from apps.workflows.dsl.conditions import compile_condition
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.models import FiringState, Trigger, TriggerKind, WorkflowRun
from apps.workflows.services.outcome import RUN_FAILED
from apps.workflows.services.trigger import fire, note_skipped, settings_of
from apps.workflows.services.trigger_config import EventSettings

logger = logging.getLogger(__name__)


def on_happening(happening: Happening) -> None:
    """Start what listens, in the transaction in which it happened: once, or not at all when that is undone."""
    listening = (
        Trigger.objects.for_event(happening.workspace, happening.name)
        .select_related("workflow__published", "workflow__workspace", "workspace")
        .order_by("created_at")
    )
    for trigger in listening:
        settings = settings_of(trigger)
        assert isinstance(settings, EventSettings)  # noqa: S101 - by its kind
        if not _causes_itself(trigger, happening) and _wanted(trigger, settings, happening.data):
            _fire(trigger, settings, happening)


def _fire(trigger: Trigger, settings: EventSettings, happening: Happening) -> None:
    since = timezone.now() - timedelta(hours=1)
    recent = trigger.firings.filter(created_at__gte=since, state=FiringState.STARTED)[
        : settings.most_per_hour
    ]
    if len(recent.values_list("pk")) >= settings.most_per_hour:
        note_skipped(trigger=trigger, key=happening.key, reason=_("More than allowed within an hour."))
        return
    fire(trigger=trigger, key=happening.key, known={"event": {"name": happening.name, **happening.data}})


def _wanted(trigger: Trigger, settings: EventSettings, data: dict[str, Any]) -> bool:
    if settings.when in (None, "", {}):
        return True
    try:
        return bool(compile_condition(settings.when).evaluate({"event": data}))
    except LanguageError:
        logger.warning("The condition of trigger %s can't be evaluated.", trigger.pk, exc_info=True)
        return False


def _causes_itself(trigger: Trigger, happening: Happening) -> bool:
    """Whether a failure handler listens to its own failure."""
    if happening.name != RUN_FAILED:
        return False
    if str(trigger.workflow_id) == happening.data.get("workflow_id"):
        return True
    # one failure handler that fails must not start another, and that one the first
    return WorkflowRun.objects.filter(
        pk=str(happening.data["run_id"]), trigger_kind=TriggerKind.EVENT, trigger__event=RUN_FAILED
    ).exists()
