"""The Celery application; tasks are found in each app's `tasks.py`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import beat_init

from config.env import default_settings

default_settings()
app = Celery("flywheel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@beat_init.connect
def schedule_periodic_tasks(**kwargs: Any) -> None:
    """Hand what the apps declared with `jobs.periodic` to beat's database scheduler."""
    from apps.core.jobs import periodic_tasks

    app.conf.beat_schedule = {
        name: {
            "task": "core.run_periodic",
            "schedule": task.seconds,
            "args": [name],
            # a run that waited longer than its interval has a successor already
            "options": {"queue": task.queue, "expires": max(task.seconds, 10)},
        }
        for name, task in periodic_tasks
    }
