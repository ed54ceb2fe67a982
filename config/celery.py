"""The Celery application; tasks are found in each app's `tasks.py`."""

from __future__ import annotations

from celery import Celery

from config.env import default_settings

default_settings()
app = Celery("flywheel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
