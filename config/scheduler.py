"""Beat's scheduler: the database's schedule, with what the apps declared put into it at start."""

from __future__ import annotations

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from apps.core.jobs import periodic_tasks


class RegistryScheduler(DatabaseScheduler):
    """Adds each `jobs.periodic` declaration as a periodic task."""

    def setup_schedule(self) -> None:
        """Write the declarations, then read the schedule."""
        self.update_from_dict(declared_schedule())
        super().setup_schedule()


def declared_schedule() -> dict[str, dict[str, Any]]:
    """Return the declarations in beat's own form."""
    return {
        name: {
            "task": "core.run_periodic",
            "schedule": task.seconds,
            "args": [name],
            # a run that waited longer than its interval has a successor already
            "options": {"queue": task.queue, "expire_seconds": max(round(task.seconds), 10)},
        }
        for name, task in periodic_tasks
    }
