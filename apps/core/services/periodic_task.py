"""The schedule: pausing and resuming tasks."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed


@transaction.atomic
def set_enabled(*, actor: Actor, task: PeriodicTask, enabled: bool) -> PeriodicTask:
    """Pause or resume a periodic task; beat notices within seconds. Superusers and the system only."""
    if actor.user is not None and not actor.user.is_superuser:
        raise NotAllowed(_("Only an administrator of this installation may change the schedule."))
    if task.enabled == enabled:
        return task
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=enabled)
    task.enabled = enabled
    PeriodicTasks.update_changed()
    audit.record(
        actor=actor,
        action="core.periodic_task.update",
        obj=task,
        before={"enabled": not enabled},
        after={"enabled": enabled},
    )
    return task
